//! Where the events of a running instance are written: lines on standard error.

use std::io;

use signhere_serve::config::{LogFormat, Logging};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Writes events as `logging` says from now on. What names people is written only when it may be.
pub(super) fn start(logging: Logging) {
    let named = match logging.emails {
        true => LevelFilter::INFO,
        false => LevelFilter::OFF,
    };
    // Of other crates only what goes wrong: their words are not ours to vouch for.
    let targets = Targets::new()
        .with_default(LevelFilter::OFF)
        .with_target("signhere", LevelFilter::INFO)
        .with_target("signhere_serve", LevelFilter::INFO)
        .with_target(signhere_serve::status::NAMES_PEOPLE, named);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false);
    let registry = tracing_subscriber::registry();
    // A subscriber that is there already stays.
    let _ = match logging.format {
        LogFormat::Json => registry.with(lines.json().with_filter(targets)).try_init(),
        _ => registry.with(lines.with_filter(targets)).try_init(),
    };
}
