//! Progress: on standard error, only on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Output;
use super::text::safe;

/// No bar is drawn for less: it would be gone before anybody saw it.
const MANY_BYTES: u64 = 64 * 1024 * 1024;
const MANY_FILES: usize = 8;

/// A bar that counts bytes of one file; nothing is drawn where nobody looks.
pub(crate) fn bytes(output: Output, label: &str, total: u64) -> ProgressBar {
    if total < MANY_BYTES {
        return ProgressBar::hidden();
    }
    let template = "  {msg} {wide_bar:.dim} {bytes}/{total_bytes}";
    bar(output, total, safe(label).into_owned(), template)
}

/// A bar that counts files.
pub(crate) fn files(output: Output, label: &'static str, total: usize) -> ProgressBar {
    if total < MANY_FILES {
        return ProgressBar::hidden();
    }
    let total = u64::try_from(total).unwrap_or(u64::MAX);
    let template = "  {msg} {wide_bar:.dim} {pos}/{len}";
    bar(output, total, label.to_owned(), template)
}

fn bar(output: Output, total: u64, label: String, template: &str) -> ProgressBar {
    if !output.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total).with_message(label);
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━━ "));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
