/// The most characters that an error quotes.
const MAX_CHARS: usize = 128;

/// Returns the start of somebody else's text, for an error to quote: the whole may be megabytes.
pub(crate) fn excerpt(text: &str) -> String {
    text.chars().take(MAX_CHARS).collect()
}
