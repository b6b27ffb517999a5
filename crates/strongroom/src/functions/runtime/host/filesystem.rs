//! What a function sees of files: a tree of its own, with the code, what is needed to run it, and a bounded `/tmp`.

use std::ffi::CString;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};

use rustix::fs::Mode;
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind_recursive, mount_change,
    mount_remount, unmount,
};
use rustix::process::{pivot_root, umask};
use rustix::system::sethostname;

use super::identity::{GROUP, USER};
use super::{Order, failed};

/// Where a function's code is, as in Lambda.
pub(in super::super) const CODE: &str = "/var/task";
/// Where our own files for it are, as in Lambda.
pub(in super::super) const RUNTIME: &str = "/var/runtime";

/// Folders and files of `/etc` that programs read and that say nothing about this server. Others aren't there.
const ETC: &[&str] = &[
    "alternatives",
    "ca-certificates",
    "crypto-policies",
    "gai.conf",
    "host.conf",
    "hosts",
    "krb5.conf",
    "ld.so.cache",
    "localtime",
    "mime.types",
    "nsswitch.conf",
    "odbcinst.ini",
    "pki/ca-trust",
    "pki/tls/certs",
    "pki/tls/cert.pem",
    "pki/tls/openssl.cnf",
    "protocols",
    "resolv.conf",
    "services",
    "ssl/cert.pem",
    "ssl/certs",
    "ssl/openssl.cnf",
    "terminfo",
];
const DEVICES: &[&str] = &["null", "zero", "full", "random", "urandom"];
/// Files and folders in a `/tmp` at most: each takes memory that its size doesn't count.
const TMP_FILES_MAX: u32 = 16_384;

/// Puts a new tree of files in place of the machine's, for this process and all that it starts.
pub(super) fn build(order: &Order) -> Result<(), String> {
    umask(Mode::from_raw_mode(0o022));
    let private = MountPropagationFlags::PRIVATE | MountPropagationFlags::REC;
    mount_change("/", private).map_err(failed("making mounts private"))?;
    let root = order.root.as_path();
    let bare = MountFlags::NOSUID | MountFlags::NODEV;
    mount_new("tmpfs", root, bare, "mode=0755,size=16m,nr_inodes=16k")?;
    // First, since something readable may lie in the machine's own /tmp.
    let tmp = folder(root, Path::new("/tmp"))?;
    let bound = format!(
        "mode=1777,size={},nr_inodes={TMP_FILES_MAX}",
        order.tmp_bytes
    );
    mount_new("tmpfs", &tmp, bare, &bound)?;
    for path in &order.readable {
        bind_at(root, path, path)?;
    }
    fill_etc(root)?;
    bind_at(root, &order.code, Path::new(CODE))?;
    let runtime = folder(root, Path::new(RUNTIME))?;
    for (name, content) in &order.runtime_files {
        write(&runtime.join(name), content)?;
    }
    // From here on everything that was bound can only be read.
    protect_bound(root, &tmp)?;
    for path in &order.hidden {
        cover(root, path)?;
    }
    fill_dev(root)?;
    let proc = folder(root, Path::new("/proc"))?;
    // Processes of this namespace, and nothing of the kernel's.
    mount_new("proc", &proc, bare | MountFlags::NOEXEC, "subset=pid")?;
    enter(root)?;
    sethostname(b"lambda").map_err(failed("sethostname"))
}

/// Makes a folder the root, and takes the machine's tree away.
fn enter(root: &Path) -> Result<(), String> {
    std::env::set_current_dir(root).map_err(|error| format!("{}: {error}", root.display()))?;
    // The old root comes to lie over the new one, and is then taken off.
    pivot_root(".", ".").map_err(failed("pivot_root"))?;
    unmount(".", UnmountFlags::DETACH).map_err(failed("taking the machine's files away"))?;
    std::env::set_current_dir("/").map_err(|error| format!("/: {error}"))?;
    let read_only = MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
    mount_remount("/", read_only, "").map_err(failed("making / read-only"))
}

fn mount_new(kind: &str, target: &Path, flags: MountFlags, options: &str) -> Result<(), String> {
    let options = CString::new(options).map_err(|_| "mount options with a zero byte".to_owned())?;
    mount(kind, target, kind, flags, options.as_c_str()).map_err(|error| {
        format!(
            "{kind} can't be mounted for a function ({error}); in a container, it must not mask parts of /proc"
        )
    })
}

/// Shows a file or folder of the machine inside the new tree. What isn't there is left out.
fn bind_at(root: &Path, source: &Path, target: &Path) -> Result<(), String> {
    let Ok(kind) = fs::symlink_metadata(source) else {
        return Ok(());
    };
    let target = inside(root, target)?;
    if fs::symlink_metadata(&target).is_ok() {
        // Within a folder that is there already, such as one in /usr.
        return Ok(());
    }
    if let Some(parent) = target.parent() {
        make_folder(parent)?;
    }
    if kind.is_symlink() {
        let to = fs::read_link(source).map_err(|error| format!("{}: {error}", source.display()))?;
        return symlink(to, &target).map_err(|error| format!("{}: {error}", target.display()));
    }
    if kind.is_dir() {
        make_folder(&target)?;
    } else {
        write(&target, "")?;
    }
    mount_bind_recursive(source, &target)
        .map_err(|error| format!("{} can't be shown to functions: {error}", source.display()))
}

/// Takes writing, devices and set-user-id programs away from all that was bound.
fn protect_bound(root: &Path, tmp: &Path) -> Result<(), String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo")
        .map_err(|error| format!("/proc/self/mountinfo: {error}"))?;
    for line in mounts.lines() {
        let mut fields = line.split(' ');
        let (Some(place), Some(options)) = (fields.nth(4), fields.next()) else {
            continue;
        };
        let place = unescaped(place);
        if !place.starts_with(root) || place == root || place == tmp {
            continue;
        }
        // What the machine has set must stay set: taking it off is refused in a user namespace.
        let mut flags =
            MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV;
        let mut has_access_time = true;
        for option in options.split(',') {
            match option {
                "noexec" => flags |= MountFlags::NOEXEC,
                "nodiratime" => flags |= MountFlags::NODIRATIME,
                "noatime" => {
                    flags |= MountFlags::NOATIME;
                    has_access_time = false;
                }
                "relatime" => {
                    flags |= MountFlags::RELATIME;
                    has_access_time = false;
                }
                _ => {}
            }
        }
        if has_access_time {
            flags |= MountFlags::STRICTATIME;
        }
        mount_remount(&place, flags, "")
            .map_err(|error| format!("{} can't be made read-only: {error}", place.display()))?;
    }
    Ok(())
}

/// Lays something empty over a file or folder that was bound along with others.
fn cover(root: &Path, path: &Path) -> Result<(), String> {
    let place = inside(root, path)?;
    let Ok(kind) = fs::metadata(&place) else {
        return Ok(());
    };
    if kind.is_dir() {
        let bare = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::RDONLY;
        mount_new("tmpfs", &place, bare, "mode=0000,size=4k,nr_inodes=2")
    } else {
        mount_bind_recursive("/dev/null", &place)
            .map_err(|error| format!("{} can't be covered: {error}", path.display()))
    }
}

fn fill_etc(root: &Path) -> Result<(), String> {
    for name in ETC {
        let source = Path::new("/etc").join(name);
        // A link may lead to where the new tree has nothing, such as /run.
        let Ok(real) = fs::canonicalize(&source) else {
            continue;
        };
        bind_at(root, &real, &source)?;
    }
    let etc = folder(root, Path::new("/etc"))?;
    let passwd = format!(
        "root:x:0:0:root:/:/sbin/nologin\nsbx_user1051:x:{USER}:{GROUP}::/tmp:/sbin/nologin\n"
    );
    write(&etc.join("passwd"), &passwd)?;
    write(
        &etc.join("group"),
        &format!("root:x:0:\nsbx_user1051:x:{GROUP}:\n"),
    )
}

fn fill_dev(root: &Path) -> Result<(), String> {
    let dev = folder(root, Path::new("/dev"))?;
    for device in DEVICES {
        let place = dev.join(device);
        write(&place, "")?;
        let source = Path::new("/dev").join(device);
        mount_bind_recursive(&source, &place).map_err(|error| {
            format!("{} can't be shown to functions: {error}", source.display())
        })?;
    }
    for (name, to) in [
        ("fd", "/proc/self/fd"),
        ("stdin", "/proc/self/fd/0"),
        ("stdout", "/proc/self/fd/1"),
        ("stderr", "/proc/self/fd/2"),
    ] {
        symlink(to, dev.join(name)).map_err(|error| format!("/dev/{name}: {error}"))?;
    }
    Ok(())
}

/// The place of an absolute path inside the new tree.
fn inside(root: &Path, path: &Path) -> Result<PathBuf, String> {
    let mut place = root.to_owned();
    for part in path.components() {
        match part {
            Component::RootDir => {}
            Component::Normal(name) => place.push(name),
            _ => return Err(format!("{} isn't an absolute path", path.display())),
        }
    }
    Ok(place)
}

fn folder(root: &Path, path: &Path) -> Result<PathBuf, String> {
    let place = inside(root, path)?;
    make_folder(&place)?;
    Ok(place)
}

fn make_folder(path: &Path) -> Result<(), String> {
    fs::create_dir_all(path).map_err(|error| format!("{}: {error}", path.display()))
}

fn write(path: &Path, content: &str) -> Result<(), String> {
    let written = fs::write(path, content)
        .and_then(|()| fs::set_permissions(path, fs::Permissions::from_mode(0o644)));
    written.map_err(|error| format!("{}: {error}", path.display()))
}

/// A path as mountinfo writes it: blanks, tabs, line ends and backslashes in octal.
fn unescaped(text: &str) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let octal = after.get(..3).filter(|_| first == b'\\');
        let value = octal.and_then(|octal| std::str::from_utf8(octal).ok());
        if let Some(value) = value.and_then(|octal| u8::from_str_radix(octal, 8).ok()) {
            bytes.push(value);
            rest = after.get(3..).unwrap_or_default();
        } else {
            bytes.push(first);
            rest = after;
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_point_is_read_as_the_kernel_writes_it() {
        assert_eq!(unescaped("/a\\040b\\134c"), Path::new("/a b\\c"));
        assert_eq!(unescaped("/plain"), Path::new("/plain"));
    }

    #[test]
    fn a_place_is_always_inside_the_new_tree() {
        let root = Path::new("/new");
        assert_eq!(
            inside(root, Path::new("/usr")).unwrap(),
            Path::new("/new/usr")
        );
        assert!(inside(root, Path::new("/usr/../../etc")).is_err());
        assert!(inside(root, Path::new("usr/..")).is_err());
    }
}
