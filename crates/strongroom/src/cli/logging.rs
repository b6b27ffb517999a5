//! The log: to standard error, as lines or as JSON. Nothing secret is ever logged, at any level.

use std::panic;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use super::Failed;
use crate::config::LogFormat;

/// Starts the log of this process.
pub(super) fn start(level: &str, format: LogFormat) -> Result<(), Failed> {
    // The filter itself would take any word as the name of a module.
    let is_level = |directive: &str| {
        let level = directive.rsplit('=').next().unwrap_or_default().trim();
        level.parse::<LevelFilter>().is_ok() && !level.is_empty()
    };
    let filter = level
        .split(',')
        .all(is_level)
        .then(|| EnvFilter::builder().parse(level));
    let Some(Ok(filter)) = filter else {
        return Err(Failed::new(format!(
            "the log level `{level}` is not understood: use error, warn, info, debug or trace, also by module, such as \
             info,strongroom=debug"
        )));
    };
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_of_five_words_also_by_module() {
        for wrong in [
            "much",
            "",
            "info,",
            "strongroom=much",
            "strongroom=",
            "info,strongroom",
        ] {
            let Failed(why) = start(wrong, LogFormat::Plain).unwrap_err();
            assert!(why.contains("info,strongroom=debug"), "{wrong}: {why}");
        }
    }
}
