//! Small JSON files of state, such as how far a feed has come: replaced as a whole, so that a crash leaves the newer
//! one or the older.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

/// How much of a crash a file outlives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    /// That of the machine.
    Durably,
    /// That of the process; a power cut may leave the older one, or none.
    Lightly,
}

/// What a file holds; `None` where there is none.
///
/// # Errors
/// It can't be read or understood.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, String> {
    let told =
        |error: &dyn std::fmt::Display| format!("{} can't be read ({error})", path.display());
    match fs::read(path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| told(&error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(told(&error)),
    }
}

/// Puts a value in a file's place.
///
/// # Errors
/// The file system's, with what to check.
pub(super) fn write<T: Serialize>(path: &Path, value: &T, keep: Keep) -> Result<(), String> {
    let mut bytes = serde_json::to_vec(value)
        .map_err(|error| format!("{} can't be written ({error})", path.display()))?;
    bytes.push(b'\n');
    put(path, &bytes, keep)
}

/// The same with what is written already.
///
/// # Errors
/// The file system's, with what to check.
pub(super) fn put(path: &Path, bytes: &[u8], keep: Keep) -> Result<(), String> {
    replace(path, bytes, keep).map_err(|error| {
        format!(
            "{} can't be written ({error}): check the owner of its folder and the space",
            path.display()
        )
    })
}

/// The same for whoever has words of their own for it.
///
/// # Errors
/// The file system's.
pub(super) fn replace(path: &Path, bytes: &[u8], keep: Keep) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)?;
    let mut file = tempfile::Builder::new()
        .prefix(".strongroom-")
        .suffix(".new")
        .tempfile_in(folder)?;
    file.write_all(bytes)?;
    if keep == Keep::Durably {
        file.as_file().sync_all()?;
    }
    file.persist(path).map_err(|failed| failed.error)?;
    match keep {
        Keep::Durably => File::open(folder)?.sync_all(),
        Keep::Lightly => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_comes_back_and_damage_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/state.json");
        assert_eq!(read::<Vec<u64>>(&path).unwrap(), None);
        for keep in [Keep::Durably, Keep::Lightly] {
            write(&path, &vec![1, 2, 3], keep).unwrap();
            assert_eq!(read::<Vec<u64>>(&path).unwrap(), Some(vec![1, 2, 3]));
        }
        fs::write(&path, "[1, 2").unwrap();
        assert!(read::<Vec<u64>>(&path).unwrap_err().contains("state.json"));
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
