//! The store alone, on a fresh folder, under the load that the store's own crate defines.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use strongroom_store::Store;
use strongroom_store::embedded::{Embedded, Options};
use strongroom_store::load;

use crate::Failed;
use crate::report;

/// What the store alone is to do.
#[derive(clap::Args)]
pub(crate) struct Alone {
    /// A folder on the disk to measure.
    #[arg(long)]
    folder: PathBuf,
    /// How many commit at the same time.
    #[arg(long)]
    writers: usize,
    /// For how long, in seconds.
    #[arg(long)]
    seconds: f64,
}

/// Commits for a while, then prints what came of it as one line of JSON.
pub(crate) fn commit_alone(alone: &Alone) -> Result<(), Failed> {
    let folder = tempfile::tempdir_in(&alone.folder)?;
    let store: Arc<dyn Store> = Arc::new(Embedded::open(&Options::new(folder.path()))?);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let time = Duration::from_secs_f64(alone.seconds);
    let measured = runtime.block_on(load::commits(store, alone.writers, time))?;
    report::line(&measured.to_json())
}
