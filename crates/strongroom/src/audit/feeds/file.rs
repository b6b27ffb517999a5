//! Feeds to a file of this machine, for programs that follow one: an event a line. It is moved aside when it has grown.

use std::fs::{self, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::Undelivered;
use crate::audit::source::Event;

/// A file, and those that it was before.
#[derive(Debug)]
pub struct FileTarget {
    place: Arc<Mutex<Place>>,
}

#[derive(Debug)]
struct Place {
    path: PathBuf,
    /// From which size on it is moved aside.
    rotate_bytes: u64,
    /// How many older ones are kept.
    keep: usize,
}

impl FileTarget {
    /// A file that is moved aside once it has so many bytes; so many older ones are kept, as `PATH.1` (the newest) and
    /// so on.
    ///
    /// # Errors
    /// It isn't a whole path.
    pub fn new(path: PathBuf, rotate_bytes: u64, keep: usize) -> Result<Self, String> {
        if !path.is_absolute() {
            return Err(format!("path {} must begin with /", path.display()));
        }
        let place = Place {
            path,
            rotate_bytes: rotate_bytes.max(1),
            keep,
        };
        Ok(FileTarget {
            place: Arc::new(Mutex::new(place)),
        })
    }

    pub(super) async fn deliver(&self, events: &[Event]) -> Result<(), Undelivered> {
        let mut lines = Vec::new();
        for event in events {
            lines.extend_from_slice(&event.json);
            lines.push(b'\n');
        }
        let place = Arc::clone(&self.place);
        // A disk that hangs holds up nobody else; whoever comes again waits for the first.
        let writing = tokio::task::spawn_blocking(move || {
            let place = place.lock().unwrap_or_else(PoisonError::into_inner);
            place.append(&lines).map_err(|error| {
                let path = place.path.display();
                format!(
                    "{path} can't be written ({error}): check its folder, its owner and the space"
                )
            })
        });
        let written = writing.await.unwrap_or_else(|error| Err(error.to_string()));
        written.map_err(Undelivered::Failed)
    }
}

impl Place {
    fn append(&self, lines: &[u8]) -> io::Result<()> {
        // Opened each time, so that others may move it aside as well.
        let mut file = self.open()?;
        let mut length = file.metadata()?.len();
        if length > 0 && length >= self.rotate_bytes {
            drop(file);
            self.rotate()?;
            file = self.open()?;
            length = file.metadata()?.len();
        }
        let mut whole = lines.to_vec();
        if length > 0 {
            let mut last = [0];
            file.seek(SeekFrom::Start(length - 1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                // A crash left a part of a line, whose event comes again.
                whole.insert(0, b'\n');
            }
        }
        let written = file.write_all(&whole).and_then(|()| file.sync_data());
        if written.is_err() {
            // What fitted in comes again; if it can't be taken back, it stands there twice.
            let _ = file.set_len(length);
        }
        written
    }

    fn open(&self) -> io::Result<fs::File> {
        OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .mode(0o640)
            .open(&self.path)
    }

    fn rotate(&self) -> io::Result<()> {
        if self.keep == 0 {
            return fs::remove_file(&self.path);
        }
        for number in (1..self.keep).rev() {
            match fs::rename(self.older(number), self.older(number + 1)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::rename(&self.path, self.older(1))
    }

    fn older(&self, number: usize) -> PathBuf {
        let mut name = self.path.as_os_str().to_owned();
        name.push(format!(".{number}"));
        Path::new(&name).to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(folder: &Path, rotate_bytes: u64, keep: usize) -> Place {
        Place {
            path: folder.join("events.log"),
            rotate_bytes,
            keep,
        }
    }

    #[test]
    fn a_file_that_has_grown_is_moved_aside_and_the_oldest_goes() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path(), 4, 2);
        for line in ["one\n", "two\n", "three\n", "four\n"] {
            place.append(line.as_bytes()).unwrap();
        }
        let mut names: Vec<(String, String)> = fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_name().unwrap().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        names.sort();
        let expected = [
            ("events.log", "four\n"),
            ("events.log.1", "three\n"),
            ("events.log.2", "two\n"),
        ];
        assert_eq!(
            names,
            expected.map(|(name, text)| (name.to_owned(), text.to_owned()))
        );
    }

    #[test]
    fn a_line_that_a_crash_cut_off_doesnt_swallow_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let place = place(folder.path(), 1000, 1);
        fs::write(&place.path, "{\"a\":1}\n{\"b\"").unwrap();
        place.append(b"{\"b\":2}\n").unwrap();
        assert_eq!(
            fs::read_to_string(&place.path).unwrap(),
            "{\"a\":1}\n{\"b\"\n{\"b\":2}\n"
        );
    }
}
