//! The socket's file. A unix socket's path has at most 107 bytes; a data folder's may be longer, and is then reached
//! through a descriptor of the folder.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// Listens on a socket file of this user's own (mode 0600); replaces one that an ended server left.
///
/// Whoever calls holds the data folder's lock, so a socket that is there belongs to no running server of this folder.
///
/// # Errors
/// The folder can't be written, or something that is no socket is in the way.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.file_type().is_socket() => fs::remove_file(path)?,
        Ok(_) => {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "a file that is no socket is in the way",
            ));
        }
        Err(_) => {}
    }
    let listener = through_folder(path, |path| UnixListener::bind(path))?;
    // Between the two lines others could connect; each connection's user is checked as well.
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(listener)
}

pub(super) async fn connect(path: &Path) -> io::Result<UnixStream> {
    // A local socket answers at once or not at all, so that connecting may as well block.
    let stream = through_folder(path, |path| std::os::unix::net::UnixStream::connect(path))?;
    stream.set_nonblocking(true)?;
    UnixStream::from_std(stream)
}

fn through_folder<T>(path: &Path, use_path: impl FnOnce(&Path) -> io::Result<T>) -> io::Result<T> {
    if path.as_os_str().len() <= SOCKET_PATH_BYTES_MAX {
        return use_path(path);
    }
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return use_path(path);
    };
    let folder = File::open(folder)?;
    let short = PathBuf::from(format!("/proc/self/fd/{}", folder.as_raw_fd())).join(name);
    use_path(&short)
}

/// `sun_path` has 108 bytes, the last of them zero. Source: unix(7).
const SOCKET_PATH_BYTES_MAX: usize = 107;
