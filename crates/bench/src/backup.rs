//! How fast a backup is made and restored, beside a plain copy of as many bytes.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use crate::report::{Row, note};
use crate::scale::Before;
use crate::{Failed, Run, scale};

const MEBIBYTES_PER_SECOND_MIN: f64 = 50.0 * 1e6 / (1 << 20) as f64;

/// Measures on a folder of so many secrets.
pub(crate) fn measure(run: &Run) -> Result<Vec<Row>, Failed> {
    let place = tempfile::tempdir_in(&run.folder)?;
    let data = place.path().join("data");
    std::fs::create_dir(&data)?;
    scale::seed(run, &data, run.backup_secrets, Before::ReadToday)?;
    let passphrase = place.path().join("passphrase");
    std::fs::write(&passphrase, "a passphrase of the benchmark\n")?;
    let file = place.path().join("backup.age");
    let backup_seconds = timed(
        Command::new(&run.strongroom)
            .arg("backup")
            .arg("--data-dir")
            .arg(&data)
            .arg("--output")
            .arg(&file)
            .arg("--passphrase-file")
            .arg(&passphrase),
    )?;
    let bytes = std::fs::metadata(&file)?.len();
    let copy_seconds = copied(&place.path().join("copy"), bytes)?;
    let restore_seconds = timed(
        Command::new(&run.strongroom)
            .arg("restore")
            .arg(&file)
            .arg("--data-dir")
            .arg(place.path().join("restored"))
            .arg("--passphrase-file")
            .arg(&passphrase),
    )?;
    let mebibytes = bytes as f64 / f64::from(1 << 20);
    note(&format!("{mebibytes:.0} MiB"));
    Ok(vec![
        Row::at_least(
            format!("backup of {mebibytes:.0} MiB, passphrase stretched and file synced"),
            mebibytes / backup_seconds,
            "MiB/s",
            MEBIBYTES_PER_SECOND_MIN,
        ),
        Row::at_least(
            "restore of it, checked twice, into a new folder".to_owned(),
            mebibytes / restore_seconds,
            "MiB/s",
            MEBIBYTES_PER_SECOND_MIN,
        ),
        Row::stated(
            "a plain file of as many bytes, written and synced".to_owned(),
            mebibytes / copy_seconds,
            "MiB/s",
        ),
    ])
}

fn timed(command: &mut Command) -> Result<f64, Failed> {
    let begin = Instant::now();
    let output = command.output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
    }
    Ok(begin.elapsed().as_secs_f64())
}

fn copied(path: &Path, bytes: u64) -> Result<f64, Failed> {
    let piece = vec![0x5a; 1 << 20];
    let begin = Instant::now();
    let mut file = File::create(path)?;
    let mut rest = bytes;
    while rest > 0 {
        let now = rest.min(piece.len() as u64);
        file.write_all(&piece[..usize::try_from(now)?])?;
        rest -= now;
    }
    file.sync_all()?;
    Ok(begin.elapsed().as_secs_f64())
}
