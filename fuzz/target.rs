/// A parser, or several that read the same form.
pub(crate) struct Target {
    /// Its name, and that of its folder in `corpus/`.
    pub(crate) name: &'static str,
    /// Reads the input. Panics only over a defect.
    pub(crate) run: fn(&[u8]),
    /// Pieces of the form, for whoever changes inputs.
    pub(crate) tokens: &'static [&'static str],
}
