//! Unpacked code: a folder for each archive, made when first needed, removed when others need the room.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Cursor, Read};
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zip::ZipArchive;

/// Bytes of unpacked code at most.
///
/// Source: AWS Lambda Developer Guide, Lambda quotas, Deployment package size.
const UNPACKED_BYTES_MAX: u64 = 250 * 1024 * 1024;
/// Files and folders of an archive at most.
const ENTRIES_MAX: usize = 65_535;
/// Bytes of a symbolic link's target at most.
const LINK_BYTES_MAX: u64 = 4_096;
/// Unpacked archives that are kept, unless more are in use.
const FOLDERS_MAX: usize = 32;

/// A folder with a function's code. It stays for as long as someone has it.
pub(super) type CodeFolder = Arc<PathBuf>;

/// The unpacked archives of a runtime.
#[derive(Debug)]
pub(super) struct CodeStore {
    folder: PathBuf,
    /// With the moment of the last use, which is only a count.
    known: HashMap<String, (CodeFolder, u64)>,
    uses: u64,
}

impl CodeStore {
    /// A store without code; whatever is in the folder is removed.
    pub(super) fn new(folder: PathBuf) -> Result<Self, String> {
        remove(&folder)?;
        make_private(&folder)?;
        Ok(Self {
            folder,
            known: HashMap::new(),
            uses: 0,
        })
    }

    /// The folder of an archive that was unpacked before.
    pub(super) fn find(&mut self, sha256: &str) -> Option<CodeFolder> {
        self.uses += 1;
        let (folder, used) = self.known.get_mut(sha256)?;
        *used = self.uses;
        Some(Arc::clone(folder))
    }

    /// Unpacks an archive.
    ///
    /// # Errors
    /// It isn't the one that is meant, or can't be unpacked.
    pub(super) fn add(&mut self, sha256: &str, archive: &[u8]) -> Result<CodeFolder, String> {
        let hash = digest(&SHA256, archive);
        if STANDARD.encode(hash.as_ref()) != sha256 {
            return Err("the function's code isn't what was uploaded: its hash differs".to_owned());
        }
        self.make_room();
        let name: String = hash
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let folder = self.folder.join(name);
        remove(&folder)?;
        if let Err(why) = unpack(archive, &folder) {
            remove(&folder)?;
            return Err(why);
        }
        let folder = Arc::new(folder);
        self.uses += 1;
        self.known
            .insert(sha256.to_owned(), (Arc::clone(&folder), self.uses));
        Ok(folder)
    }

    fn make_room(&mut self) {
        while self.known.len() >= FOLDERS_MAX {
            let unused = self
                .known
                .iter()
                .filter(|(_, (folder, _))| Arc::strong_count(folder) == 1);
            let oldest = unused
                .min_by_key(|(_, (_, used))| *used)
                .map(|(name, _)| name.clone());
            let Some((folder, _)) = oldest.and_then(|name| self.known.remove(&name)) else {
                return;
            };
            // What can't be removed now is removed at the next start.
            let _ = remove(&folder);
        }
    }
}

/// Makes a folder that only the server's user can enter.
pub(super) fn make_private(folder: &Path) -> Result<(), String> {
    let made = fs::create_dir_all(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o700)));
    made.map_err(|error| format!("{} can't be made: {error}", folder.display()))
}

/// Removes a folder with all that is in it, if it is there.
pub(super) fn remove(folder: &Path) -> Result<(), String> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{} can't be removed: {error}", folder.display()))
        }
        _ => Ok(()),
    }
}

fn unpack(archive: &[u8], folder: &Path) -> Result<(), String> {
    let mut archive = ZipArchive::new(Cursor::new(archive)).map_err(unreadable)?;
    if archive.len() > ENTRIES_MAX {
        return Err(format!(
            "the function's code has more than {ENTRIES_MAX} files"
        ));
    }
    make_folder(folder)?;
    let mut left = UNPACKED_BYTES_MAX;
    let mut links = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(unreadable)?;
        let Some(name) = entry.enclosed_name().filter(|name| is_inside(name)) else {
            return Err(
                "the function's code has a file whose path leads out of its folder".to_owned(),
            );
        };
        let place = folder.join(name);
        if entry.is_dir() {
            make_folder(&place)?;
            continue;
        }
        if let Some(parent) = place.parent() {
            make_folder(parent)?;
        }
        if entry.is_symlink() {
            let mut target = String::new();
            let read = entry.take(LINK_BYTES_MAX).read_to_string(&mut target);
            read.map_err(|error| format!("the function's code has an unreadable link: {error}"))?;
            links.push((place, target));
            continue;
        }
        let is_program = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        let mode = if is_program { 0o755 } else { 0o644 };
        // One byte more than is left, to see whether there are more.
        let length = write(&place, &mut entry.take(left + 1), mode)?;
        left = left.checked_sub(length).ok_or_else(|| {
            format!("the function's code is larger than {UNPACKED_BYTES_MAX} bytes unpacked")
        })?;
    }
    // At the end, so that nothing was written by way of one.
    for (place, target) in links {
        if !leads_inside(folder, &place, Path::new(&target)) {
            return Err("the function's code has a link that leads out of its folder".to_owned());
        }
        symlink(&target, &place).map_err(|error| not_written(&error))?;
    }
    Ok(())
}

fn unreadable(error: zip::result::ZipError) -> String {
    format!("the function's code isn't a ZIP archive that can be read: {error}")
}

fn is_inside(name: &Path) -> bool {
    name.components()
        .all(|part| matches!(part, Component::Normal(_)))
}

/// Whether a relative link stays in the folder, reckoned by names.
fn leads_inside(folder: &Path, place: &Path, target: &Path) -> bool {
    let Some(parent) = place
        .parent()
        .and_then(|parent| parent.strip_prefix(folder).ok())
    else {
        return false;
    };
    let mut depth = parent.components().count();
    for part in target.components() {
        match part {
            Component::Normal(_) => depth += 1,
            Component::CurDir => {}
            Component::ParentDir if depth > 0 => depth -= 1,
            _ => return false,
        }
    }
    true
}

/// Makes a folder that a function can read, whatever mask the server has.
fn make_folder(folder: &Path) -> Result<(), String> {
    if folder.is_dir() {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        make_folder(parent)?;
    }
    let made = fs::create_dir(folder)
        .and_then(|()| fs::set_permissions(folder, fs::Permissions::from_mode(0o755)));
    made.map_err(|error| not_written(&error))
}

fn write(place: &Path, content: &mut impl Read, mode: u32) -> Result<u64, String> {
    let written = File::create(place).and_then(|mut file| {
        let length = std::io::copy(content, &mut file)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?;
        Ok(length)
    });
    written.map_err(|error| not_written(&error))
}

fn not_written(error: &std::io::Error) -> String {
    format!("the function's code can't be unpacked: {error}")
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    fn archive(fill: impl FnOnce(&mut ZipWriter<Cursor<Vec<u8>>>)) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        fill(&mut writer);
        writer.finish().unwrap().into_inner()
    }

    fn file(writer: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, mode: u32, content: &[u8]) {
        let options = SimpleFileOptions::default().unix_permissions(mode);
        writer.start_file(name, options).unwrap();
        writer.write_all(content).unwrap();
    }

    fn hash(archive: &[u8]) -> String {
        STANDARD.encode(digest(&SHA256, archive).as_ref())
    }

    #[test]
    fn code_is_unpacked_with_its_programs_and_links() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = CodeStore::new(folder.path().join("code")).unwrap();
        let archive = archive(|writer| {
            file(writer, "package/app.py", 0o600, b"pass");
            file(writer, "bootstrap", 0o755, b"#!/bin/sh\n");
            let options = SimpleFileOptions::default();
            writer
                .add_symlink("package/run", "../bootstrap", options)
                .unwrap();
        });
        assert!(store.find(&hash(&archive)).is_none());
        let code = store.add(&hash(&archive), &archive).unwrap();
        let mode = |name: &str| fs::metadata(code.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode("package/app.py"), 0o644);
        assert_eq!(mode("bootstrap"), 0o755);
        assert_eq!(mode("package"), 0o755);
        assert_eq!(mode("package/run"), 0o755);
        assert_eq!(store.find(&hash(&archive)), Some(code));
    }

    #[test]
    fn code_that_leaves_its_folder_or_was_exchanged_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = CodeStore::new(folder.path().join("code")).unwrap();
        let outside = folder.path().join("code/outside");
        for (archive, why) in [
            (
                archive(|writer| file(writer, "../outside", 0o644, b"x")),
                "leads out",
            ),
            (
                archive(|writer| file(writer, "a/../../outside", 0o644, b"x")),
                "leads out",
            ),
            (archive(|writer| file(writer, "/outside", 0o644, b"x")), ""),
            (
                archive(|writer| {
                    let options = SimpleFileOptions::default();
                    writer.add_symlink("link", "../outside", options).unwrap();
                }),
                "leads out",
            ),
            (
                archive(|writer| {
                    let options = SimpleFileOptions::default();
                    writer.add_symlink("link", "/etc", options).unwrap();
                    file(writer, "link/outside", 0o644, b"x");
                }),
                "",
            ),
            (b"PK no archive".to_vec(), "isn't a ZIP archive"),
        ] {
            let added = store.add(&hash(&archive), &archive);
            if let Err(refusal) = &added {
                assert!(refusal.contains(why), "{refusal}");
            } else {
                assert!(why.is_empty(), "{why}");
            }
            assert!(!outside.exists());
            assert!(!Path::new("/etc/outside").exists() && !Path::new("/outside").exists());
        }
        let exchanged = archive(|writer| file(writer, "app.py", 0o644, b"x"));
        assert!(
            store
                .add(&hash(b"another"), &exchanged)
                .unwrap_err()
                .contains("hash")
        );
    }

    #[test]
    fn code_without_end_is_refused_and_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = CodeStore::new(folder.path().join("code")).unwrap();
        let zeros = vec![0; 64 * 1024 * 1024];
        let archive = archive(|writer| {
            for name in ["a", "b", "c", "d"] {
                file(writer, name, 0o644, &zeros);
            }
        });
        let refusal = store.add(&hash(&archive), &archive).unwrap_err();
        assert!(refusal.contains("larger than"), "{refusal}");
        assert_eq!(fs::read_dir(folder.path().join("code")).unwrap().count(), 0);
    }
}
