//! What to try next: lines to copy.

use std::fmt::{self, Display, Formatter};
use std::path::Path;

use crate::error::shell_word;
use crate::output::style::{BOLD, DIM, paint};
use crate::output::text::safe;

/// Where a long command is broken, in characters.
const WIDTH: usize = 90;

/// The instance and the signature that the lines are about.
pub(super) struct Lines<'a> {
    /// How this program was called.
    pub(super) program: &'a str,
    pub(super) file: &'a Path,
    pub(super) bundle: &'a Path,
    pub(super) dir: &'a Path,
    /// `127.0.0.1:3003`.
    pub(super) address: &'a str,
    pub(super) identity: &'a str,
    pub(super) issuer: &'a str,
}

/// A line and what it is for.
pub(super) struct Line {
    pub(super) purpose: &'static str,
    pub(super) command: String,
}

impl Lines<'_> {
    /// The lines, in the order in which to try them.
    pub(super) fn all(&self) -> Vec<Line> {
        let path = |path: &Path| shell_word(&path.display().to_string());
        let program = shell_word(self.program);
        let (dir, file, bundle) = (path(self.dir), path(self.file), path(self.bundle));
        let trust_config = path(&self.dir.join("trust_config.json"));
        let absolute = std::path::absolute(self.dir);
        let absolute = absolute.map_or_else(|_| dir.clone(), |absolute| path(&absolute));
        let (identity, issuer) = (shell_word(self.identity), shell_word(self.issuer));
        let line = |purpose, command| Line { purpose, command };
        vec![
            line(
                "verify it again, with all the evidence",
                format!(
                    "{program} verify {file} --verbose --instance {dir} \
                     --certificate-identity {identity} --certificate-oidc-issuer {issuer}"
                ),
            ),
            line(
                "verify it with sigstore-python (pip install sigstore)",
                format!(
                    "python -m sigstore --trust-config {trust_config} verify identity \
                     --cert-identity {identity} --cert-oidc-issuer {issuer} --bundle {bundle} {file}"
                ),
            ),
            line(
                "start the instance again, and leave it running",
                format!("{program} serve {dir} --listen {}", self.address),
            ),
            line(
                "then, in another terminal, sign a file on it",
                format!("{program} sign FILE --instance {dir}"),
            ),
            line(
                "or have git sign your commits on it",
                format!("{program} git setup && git config signhere.instance {absolute}"),
            ),
            line(
                "or sign one with sigstore-python",
                format!(
                    "python -m sigstore --trust-config {trust_config} sign --identity-token \
                     \"$({program} token --instance {dir} --email {identity})\" FILE"
                ),
            ),
        ]
    }
}

impl Display for Lines<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}", paint(BOLD, "What to try next"))?;
        for Line { purpose, command } in self.all() {
            let purpose = paint(DIM, format_args!("# {purpose}"));
            write!(f, "\n\n  {purpose}\n  {}", folded(&safe(&command)))?;
        }
        Ok(())
    }
}

/// A long command on several lines, which a shell takes for one.
fn folded(command: &str) -> String {
    let mut out = String::new();
    let mut width = 0;
    for part in command.split_inclusive(" --") {
        // Each part ends where the next one's option begins.
        let flags = part.strip_suffix(" --");
        let text = flags.unwrap_or(part);
        if !out.is_empty() {
            if width + text.len() > WIDTH {
                out.push_str(" \\\n      --");
                width = 8;
            } else {
                out.push_str(" --");
                width += 3;
            }
        }
        out.push_str(text);
        width += text.len();
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_are_folded_at_their_options() {
        assert_eq!(folded("sign --key a FILE"), "sign --key a FILE");
        let (a, b) = ("a".repeat(50), "b".repeat(50));
        assert_eq!(
            folded(&format!("sign --x {a} --y {b} FILE")),
            format!("sign --x {a} \\\n      --y {b} FILE")
        );
    }

    #[test]
    fn odd_names_stay_one_word() {
        let lines = Lines {
            program: "target/release/signhere",
            file: Path::new("my file.txt"),
            bundle: Path::new("my file.txt.sigstore.json"),
            dir: Path::new("it's"),
            address: "127.0.0.1:3003",
            identity: "you@example.com",
            issuer: "http://127.0.0.1:3003/oidc",
        };
        assert_eq!(
            lines.all()[0].command,
            "target/release/signhere verify 'my file.txt' --verbose --instance 'it'\\''s' \
             --certificate-identity you@example.com \
             --certificate-oidc-issuer http://127.0.0.1:3003/oidc"
        );
    }
}
