//! The log: to standard error, as lines or as JSON. Nothing secret is ever logged, at any level.

use std::panic;

use tracing_subscriber::EnvFilter;

use super::Failed;
use crate::config::LogFormat;

/// Starts the log of this process.
pub(super) fn start(level: &str, format: LogFormat) -> Result<(), Failed> {
    let filter = EnvFilter::builder().parse(level).map_err(|error| {
        Failed::new(format!(
            "the log level `{level}` is not understood ({error}): use error, warn, info, debug or trace, also by \
             module, such as info,strongroom=debug"
        ))
    })?;
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    let started = match format {
        LogFormat::Plain => log.try_init(),
        LogFormat::Json => log.json().flatten_event(true).try_init(),
    };
    started.map_err(|error| Failed::new(format!("the log can't be started: {error}")))
}

/// A panic's place goes to the log, and of its text only what is fixed in the program: a formatted text could hold
/// what a request brought.
pub(super) fn keep_panics_to_the_log() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        let what = info
            .payload()
            .downcast_ref::<&'static str>()
            .copied()
            .unwrap_or("see the place");
        tracing::error!(place, what, "a panic: this is a defect, please report it");
    }));
}
