//! Progress: on standard error, only on a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::Output;

/// A bar that counts bytes of one file; nothing is drawn where nobody looks.
pub(crate) fn bytes(output: Output, label: &str, total: u64) -> ProgressBar {
    bar(
        output,
        total,
        label,
        "  {msg} {wide_bar:.dim} {bytes}/{total_bytes}",
    )
}

/// A bar that counts files.
pub(crate) fn files(output: Output, label: &str, total: usize) -> ProgressBar {
    let total = u64::try_from(total).unwrap_or(u64::MAX);
    bar(output, total, label, "  {msg} {wide_bar:.dim} {pos}/{len}")
}

fn bar(output: Output, total: u64, label: &str, template: &str) -> ProgressBar {
    if !output.shows_progress() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(total).with_message(label.to_owned());
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style.progress_chars("━━ "));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}
