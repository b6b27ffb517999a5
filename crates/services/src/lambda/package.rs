//! What a deployment package must be: a ZIP archive that unpacks into a folder of its own and no further, and not into more
//! than Lambda takes.
//!
//! Source: AWS Lambda Developer Guide, Lambda quotas, Deployment package size.

use std::io::{Cursor, Read, copy, sink};

use strongroom_keys::SecretBytes;
use zip::ZipArchive;

use super::refusals;
use crate::refusal::Refusal;

/// Bytes of a package. The signature's limit on a body in base64 is in `strongroom-wire`.
pub(super) const ZIPPED_BYTES_MAX: usize = 50 * 1024 * 1024;
/// Bytes of all files of a package, unpacked.
const UNZIPPED_BYTES_MAX: u64 = 262_144_000;
/// Files and folders of a package. AWS publishes no limit; each costs a place on the disk of whoever runs it.
const ENTRIES_MAX: usize = 50_000;
/// Characters of a path, and of a link's aim.
const PATH_BYTES_MAX: usize = 1024;

/// Unpacks a package into nothing, and so learns what it holds, whatever it says of itself.
///
/// # Refusals
/// `InvalidParameterValueException`
pub(super) fn check(package: &SecretBytes) -> Result<(), Refusal> {
    if package.expose().len() > ZIPPED_BYTES_MAX {
        return Err(refusals::parameter(format!(
            "Request must be smaller than {ZIPPED_BYTES_MAX} bytes for a ZipFile"
        )));
    }
    let wrong = |_| refusals::not_a_zip();
    let mut archive = ZipArchive::new(Cursor::new(package.expose())).map_err(wrong)?;
    if archive.is_empty() || archive.len() > ENTRIES_MAX {
        return Err(refusals::not_a_zip());
    }
    let mut unzipped = 0u64;
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).map_err(wrong)?;
        let name = entry.name().map_err(wrong)?.into_owned();
        if !is_inside(&name) {
            return Err(refusals::not_a_zip());
        }
        let left = UNZIPPED_BYTES_MAX.saturating_sub(unzipped);
        // What it says is checked first, and then not believed.
        if entry.size() > left {
            return Err(refusals::unzipped_too_large(UNZIPPED_BYTES_MAX));
        }
        if entry.is_symlink() {
            let mut aim = String::new();
            let most = PATH_BYTES_MAX as u64 + 1;
            (entry.by_ref().take(most).read_to_string(&mut aim))
                .map_err(|_| refusals::not_a_zip())?;
            if !leads_inside(&name, &aim) {
                return Err(refusals::not_a_zip());
            }
            unzipped += aim.len() as u64;
            continue;
        }
        let read = copy(&mut entry.by_ref().take(left + 1), &mut sink());
        unzipped += read.map_err(|_| refusals::not_a_zip())?;
        if unzipped > UNZIPPED_BYTES_MAX {
            return Err(refusals::unzipped_too_large(UNZIPPED_BYTES_MAX));
        }
    }
    Ok(())
}

/// Whether a path stays in the folder that it is unpacked into, whoever reads it.
fn is_inside(path: &str) -> bool {
    let is_drive = path.as_bytes().get(1) == Some(&b':');
    !path.is_empty()
        && path.len() <= PATH_BYTES_MAX
        && !path.starts_with('/')
        && !is_drive
        && !path.contains(['\\', '\0'])
        && path.split('/').all(|part| part != "..")
}

/// Whether a link stays in that folder, too.
fn leads_inside(link: &str, aim: &str) -> bool {
    if aim.is_empty() || aim.len() > PATH_BYTES_MAX || aim.starts_with('/') || aim.contains('\0') {
        return false;
    }
    let mut depth = link
        .split('/')
        .filter(|part| is_step(part))
        .count()
        .saturating_sub(1);
    for part in aim.split('/').filter(|part| is_step(part)) {
        match part {
            ".." if depth == 0 => return false,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    true
}

fn is_step(part: &str) -> bool {
    !matches!(part, "" | ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_leaves_the_folder_is_none() {
        for (path, expected) in [
            ("rotate.py", true),
            ("a/b/c.py", true),
            ("a/./b", true),
            ("..a/b..", true),
            ("../a", false),
            ("a/../b", false),
            ("a/..", false),
            ("/a", false),
            ("C:/a", false),
            ("a\\..\\b", false),
            ("a\0", false),
            ("", false),
        ] {
            assert_eq!(is_inside(path), expected, "{path:?}");
        }
    }

    #[test]
    fn a_link_may_lead_within_the_folder_alone() {
        for (link, aim, expected) in [
            ("a", "b", true),
            ("lib/a.so", "a.so.1", true),
            ("lib/a.so", "../b", true),
            ("lib/a.so", "../../b", false),
            ("a", "../b", false),
            ("a", "/etc/passwd", false),
            ("a", "", false),
            ("lib/a", "b/../../..", false),
        ] {
            assert_eq!(leads_inside(link, aim), expected, "{link} -> {aim}");
        }
    }
}
