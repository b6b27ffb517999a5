//! A thread of its own for what goes on behind the log, so that neither reading it nor waiting for others takes anything
//! from the threads that answer requests.

use std::pin::Pin;
use std::thread::JoinHandle;

use tokio::sync::watch;
use tokio::task::JoinSet;

/// Work that goes on until the end is told.
pub(crate) type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Such a thread. Dropping it tells the end, and waits until all work has come to it.
#[derive(Debug)]
pub(crate) struct Background {
    end: watch::Sender<bool>,
    thread: Option<JoinHandle<()>>,
}

impl Background {
    /// Starts what `work` makes. Each piece must end soon once the end is told.
    ///
    /// # Errors
    /// No thread can be started.
    pub(crate) fn start(
        name: &'static str,
        work: impl FnOnce(&watch::Receiver<bool>) -> Vec<Work>,
    ) -> Result<Self, String> {
        let told = |error: std::io::Error| format!("no thread can be started for {name} ({error})");
        let (end, ended) = watch::channel(false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(told)?;
        let work = work(&ended);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    let mut running = JoinSet::new();
                    for piece in work {
                        running.spawn(piece);
                    }
                    while let Some(ended) = running.join_next().await {
                        if let Err(error) = ended {
                            tracing::error!(%error, name, "a background job broke");
                        }
                    }
                });
                // Look-ups of names may go on for long in threads of the runtime, and nobody waits for them.
                runtime.shutdown_background();
            })
            .map_err(told)?;
        Ok(Background {
            end,
            thread: Some(thread),
        })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.end.send_replace(true);
        // Where its own work held the last of a node, nobody else waits.
        let own = std::thread::current().id();
        if let Some(thread) = self.thread.take().filter(|it| it.thread().id() != own) {
            let _ = thread.join();
        }
    }
}
