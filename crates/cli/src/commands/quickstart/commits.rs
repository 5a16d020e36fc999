//! The same for git: a commit that git has this program sign, and two that are refused.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use serde::Serialize;
use signhere_git::object::{Object, ObjectKind};
use signhere_git::verdict::GitVerdict;
use signhere_git::verifier::GitVerifier;
use signhere_verify::policy::{Question, TrustFile, Trusted};
use signhere_verify::verdict::Step;
use signhere_verify::verifier::Verifier;
use tempfile::TempDir;
use tokio::process::Command;
use zeroize::Zeroizing;

use super::Tour;
use super::server::Server;
use crate::env;
use crate::error::git::of_verdict;
use crate::error::{CliError, ErrorFields};
use crate::exit::Exit;
use crate::output::style::{DIM, cross, paint};

/// How long one run of git may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Who signs, and how they prove it.
pub(super) struct Author {
    pub(super) identity: String,
    pub(super) token: Zeroizing<String>,
}

/// What became of the commits.
#[derive(Serialize)]
pub(super) struct Commits {
    /// The name of the signed one.
    commit: String,
    /// Why the others were refused.
    unsigned: ErrorFields,
    forged: ErrorFields,
}

impl Tour<'_> {
    /// Has git sign a commit, verifies it, and has two others refused; nothing without git.
    pub(super) async fn commits(
        &self,
        server: &Server,
        author: &Author,
    ) -> Result<Option<Commits>, CliError> {
        self.heading("6  The same for a commit, which git has this program sign")?;
        let Some(repository) = Repository::make(&self.args.dir, author).await? else {
            let skipped = paint(DIM, "- there is no git in PATH: left out");
            self.line(format_args!("   {skipped}"))?;
            return Ok(None);
        };
        self.fact("repository", "made for this, and gone afterwards")?;

        let signed = repository.commit("signed", true).await?;
        let verifier = GitVerifier::new(Verifier::new(server.instance.trusted_root.clone())?);
        let question = question(&author.identity, &server.issuer)?;
        let verdict = verifier.verify(&read(signed.clone())?, Some(&question));
        if let Some(error) = of_verdict(&verdict, "HEAD") {
            return Err(error.about("the commit"));
        }
        let commit = verdict.id.to_string();
        self.fact("commit", &commit)?;
        self.fact("signed by", &author.identity)?;
        self.evidence(&verdict)?;

        let refuse = |what: &str, bytes: Vec<u8>| -> Result<ErrorFields, CliError> {
            let verdict = verifier.verify(&read(bytes)?, Some(&question));
            let Some(refused) = of_verdict(&verdict, "HEAD") else {
                return Err(CliError::internal(&format_args!("{what} was accepted")));
            };
            self.line(format_args!(
                "   {} refused, {what}: {}",
                cross(),
                refused.brief()
            ))?;
            Ok(refused.fields())
        };
        let unsigned = repository.commit("unsigned", false).await?;
        Ok(Some(Commits {
            commit,
            unsigned: refuse("a commit that is not signed", unsigned)?,
            forged: refuse("the signed one with another author", by_another(&signed)?)?,
        }))
    }

    fn evidence(&self, verdict: &GitVerdict) -> Result<(), CliError> {
        for step in verdict.steps().into_iter().flatten() {
            match step {
                Step::Log(log) => {
                    for entry in log.entries.iter().filter_map(|entry| entry.proof.as_ref()) {
                        self.fact("log entry", &format!("number {}", entry.leaf_index))?;
                    }
                }
                Step::Time(time) => {
                    for source in &time.times {
                        self.fact("time", &source.time.to_string())?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// A repository that is gone when this is dropped, with nobody's configuration.
struct Repository<'a> {
    folder: TempDir,
    author: &'a Author,
    settings: Vec<String>,
}

impl<'a> Repository<'a> {
    /// Nothing where there is no git.
    async fn make(instance: &Path, author: &'a Author) -> Result<Option<Self>, CliError> {
        let absolute = |path: std::io::Result<std::path::PathBuf>| {
            let path = path.map_err(|error| CliError::internal(&error))?;
            Ok::<_, CliError>(path.display().to_string())
        };
        let program = absolute(std::env::current_exe())?;
        let instance = absolute(std::path::absolute(instance))?;
        let folder = TempDir::new();
        let folder =
            folder.map_err(|error| CliError::file("make", &std::env::temp_dir(), &error))?;
        let this = Self {
            folder,
            author,
            settings: vec![
                format!("user.name={}", author.identity),
                format!("user.email={}", author.identity),
                "gpg.format=x509".to_owned(),
                format!("gpg.x509.program={program}"),
                format!("signhere.instance={instance}"),
            ],
        };
        match this.git(&["init", "--quiet"]).await {
            Err(Failed::Absent) => Ok(None),
            Err(Failed::Otherwise(error)) => Err(error),
            Ok(_) => Ok(Some(this)),
        }
    }

    /// A commit's bytes, as git keeps them.
    async fn commit(&self, message: &str, signed: bool) -> Result<Vec<u8>, CliError> {
        let sign = if signed {
            "--gpg-sign"
        } else {
            "--no-gpg-sign"
        };
        let commit = [
            "commit",
            "--quiet",
            "--allow-empty",
            sign,
            "--message",
            message,
        ];
        self.git(&commit).await?;
        Ok(self.git(&["cat-file", "commit", "HEAD"]).await?)
    }

    async fn git(&self, arguments: &[&str]) -> Result<Vec<u8>, Failed> {
        let mut command = Command::new("git");
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", env::var("PATH").unwrap_or_default())
            .env("HOME", self.folder.path())
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("SIGSTORE_ID_TOKEN", self.author.token.as_str())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let failed = |said: String| {
            let message = format!("git {} failed", arguments.first().unwrap_or(&""));
            Failed::Otherwise(CliError::new(Exit::Failed, "SH-GIT-FAILED", message).found(said))
        };
        let output = match tokio::time::timeout(PATIENCE, command.output()).await {
            Err(_) => return Err(failed(format!("no end after {} s", PATIENCE.as_secs()))),
            Ok(Err(error)) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(Failed::Absent);
            }
            Ok(Err(error)) => return Err(failed(error.to_string())),
            Ok(Ok(output)) => output,
        };
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            return Err(failed(said.trim().to_owned()));
        }
        Ok(output.stdout)
    }
}

/// Why git did not do what it was asked for.
enum Failed {
    Absent,
    Otherwise(CliError),
}

impl From<Failed> for CliError {
    fn from(failed: Failed) -> Self {
        match failed {
            Failed::Absent => Self::internal(&"git has gone away"),
            Failed::Otherwise(error) => error,
        }
    }
}

fn read(bytes: Vec<u8>) -> Result<Object, CliError> {
    Object::parse(ObjectKind::Commit, bytes).map_err(|error| CliError::internal(&error))
}

/// Whether it is signed by this person and nobody else.
fn question(identity: &str, issuer: &str) -> Result<Question, CliError> {
    // A string of JSON is one of TOML.
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    let (identity, issuer) = (quoted(identity), quoted(issuer));
    let text = format!("[signers.you]\nidentity = {identity}\nissuer = {issuer}\n");
    let file = TrustFile::parse(&text, "quickstart", None, &|_| Err("no files".to_owned()));
    let trusted = Trusted::new(vec![file?]);
    Ok(Question::new(trusted.into()))
}

/// The commit as if another person had written it.
fn by_another(commit: &[u8]) -> Result<Vec<u8>, CliError> {
    let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
    let author = b"\nauthor ";
    let found = commit.windows(author.len()).position(|at| at == author);
    let (before, rest) = found
        .and_then(|at| commit.split_at_checked(at + author.len()))
        .ok_or_else(|| CliError::internal(&"a commit without an author"))?;
    Ok(format!("{}Mallory and {}", text(before), text(rest)).into_bytes())
}
