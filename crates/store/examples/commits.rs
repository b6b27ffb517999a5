//! The embedded store alone under load: `commits [FOLDER] [SECONDS] [WRITERS ...]` prints one JSON object a line.
//!
//! Without a folder it uses a temporary one; choose one on the disk that is to be measured.

#![allow(
    clippy::print_stdout,
    reason = "a program whose answer is on standard output"
)]

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use strongroom_store::Store;
use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::load;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let temporary = tempfile::tempdir()?;
    let folder = arguments
        .first()
        .map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let seconds = arguments
        .get(1)
        .map_or(Ok(3.0), |seconds| seconds.parse())?;
    let mut writers = arguments
        .iter()
        .skip(2)
        .map(|count| count.parse())
        .collect::<Result<Vec<_>, _>>()?;
    if writers.is_empty() {
        writers = vec![1, 8, 64];
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().build()?;
    for writers in writers {
        let folder = tempfile::tempdir_in(&folder)?;
        let store: Arc<dyn Store> = Arc::new(Embedded::open(&Options::new(folder.path()))?);
        let duration = Duration::from_secs_f64(seconds);
        let measured = runtime.block_on(load::commits(store, writers, duration))?;
        println!("{}", measured.to_json());
    }
    Ok(())
}
