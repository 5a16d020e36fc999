//! The few styles that are used, and the marks that go with them.

use anstyle::{AnsiColor, Style};

/// What holds.
pub(crate) const GOOD: Style = AnsiColor::Green.on_default().bold();
/// What does not.
pub(crate) const BAD: Style = AnsiColor::Red.on_default().bold();
/// What somebody should look at.
pub(crate) const WARN: Style = AnsiColor::Yellow.on_default().bold();
/// What may be skipped while reading.
pub(crate) const DIM: Style = Style::new().dimmed();
/// What must not be.
pub(crate) const BOLD: Style = Style::new().bold();

/// A tick, in the style of what holds.
pub(crate) fn tick() -> String {
    format!("{GOOD}✓{GOOD:#}")
}

/// A cross, in the style of what does not.
pub(crate) fn cross() -> String {
    format!("{BAD}✗{BAD:#}")
}

/// `text` in the style.
pub(crate) fn paint(style: Style, text: impl std::fmt::Display) -> String {
    format!("{style}{text}{style:#}")
}
