//! Which processes belong to a function, what memory they take, and which of them is at the other end of a connection.
//!
//! All of it is read from `/proc`, which the server sees and no function does.

use std::fs;
use std::net::SocketAddr;

/// The processes below one, without the first `levels` of them below it.
///
/// What a process leaves behind goes to the first one of its namespace, so nothing gets out of the tree.
pub(super) fn descendants(process: u32, levels: usize) -> Vec<u32> {
    let mut found = Vec::new();
    let mut level = vec![process];
    // A process that was reparented while this reads may be seen at two places; the bound is for a tree that grows
    // faster than it is read.
    for depth in 0..DEPTH_MAX {
        level = level.iter().flat_map(|parent| children(*parent)).collect();
        if level.is_empty() || found.len() > PROCESSES_MAX {
            break;
        }
        if depth >= levels {
            found.extend_from_slice(&level);
        }
    }
    found
}

fn children(process: u32) -> Vec<u32> {
    let mut found = Vec::new();
    let Ok(threads) = fs::read_dir(format!("/proc/{process}/task")) else {
        return found;
    };
    for thread in threads.flatten() {
        if let Ok(text) = fs::read_to_string(thread.path().join("children")) {
            found.extend(
                text.split_ascii_whitespace()
                    .filter_map(|pid| pid.parse::<u32>().ok()),
            );
        }
    }
    found
}

/// Bytes of memory that processes have for themselves: not what they share with all who run the same program.
pub(super) fn memory_bytes(processes: &[u32]) -> u64 {
    processes.iter().map(|process| own_memory(*process)).sum()
}

fn own_memory(process: u32) -> u64 {
    let Ok(status) = fs::read_to_string(format!("/proc/{process}/status")) else {
        return 0;
    };
    let of = |name: &str| -> u64 {
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix(name));
        let number = line.and_then(|rest| rest.split_ascii_whitespace().next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    (of("RssAnon:") + of("RssShmem:") + of("VmSwap:")) * 1024
}

/// Whether one of the processes has the other end of a connection to one of our sockets on the loopback.
///
/// Anyone on the machine can connect there; this tells a function's own runtime from all others.
pub(super) fn has_connection(processes: &[u32], peer: SocketAddr, own: SocketAddr) -> bool {
    let Some(inode) = socket_inode(peer, own) else {
        return false;
    };
    let name = format!("socket:[{inode}]");
    processes.iter().any(|process| {
        let Ok(files) = fs::read_dir(format!("/proc/{process}/fd")) else {
            return false;
        };
        files
            .flatten()
            .any(|file| fs::read_link(file.path()).is_ok_and(|to| to.as_os_str() == name.as_str()))
    })
}

/// The inode of the peer's socket, as the kernel's tables of connections have it.
fn socket_inode(peer: SocketAddr, own: SocketAddr) -> Option<u64> {
    let (SocketAddr::V4(peer), SocketAddr::V4(own)) = (peer, own) else {
        return None;
    };
    // The kernel writes addresses as numbers of the machine's byte order.
    let number = |address: std::net::SocketAddrV4| {
        format!(
            "{:08X}:{:04X}",
            u32::from_ne_bytes(address.ip().octets()),
            address.port()
        )
    };
    // A socket for both families shows its IPv4 addresses as mapped ones.
    let mapped = format!(
        "0000000000000000{:08X}",
        u32::from_ne_bytes([0, 0, 0xff, 0xff])
    );
    for (table, prefix) in [("/proc/net/tcp", ""), ("/proc/net/tcp6", mapped.as_str())] {
        let local = format!("{prefix}{}", number(peer));
        let remote = format!("{prefix}{}", number(own));
        let Ok(text) = fs::read_to_string(table) else {
            continue;
        };
        for line in text.lines() {
            let mut fields = line.split_ascii_whitespace().skip(1);
            if fields.next() == Some(&local) && fields.next() == Some(&remote) {
                let inode = fields.nth(6).and_then(|inode| inode.parse().ok());
                return inode.filter(|inode| *inode != 0);
            }
        }
    }
    None
}

/// Far more than a function may have.
const PROCESSES_MAX: usize = 4_096;
const DEPTH_MAX: usize = 1_024;

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn the_owner_of_a_connection_is_told_from_others() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let client = TcpStream::connect(own).unwrap();
        let (_accepted, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        let this = std::process::id();
        assert!(has_connection(&[this], peer, own));
        assert!(!has_connection(&[1], peer, own));
        assert!(!has_connection(
            &[this],
            "127.0.0.1:1".parse().unwrap(),
            own
        ));
    }

    #[test]
    fn children_and_their_memory_are_found() {
        let mut child = std::process::Command::new("sleep")
            .arg("60")
            .spawn()
            .unwrap();
        let found = descendants(std::process::id(), 0);
        assert!(found.contains(&child.id()));
        assert!(memory_bytes(&[child.id()]) > 0);
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!descendants(std::process::id(), 0).contains(&child.id()));
    }
}
