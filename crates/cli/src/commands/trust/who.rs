//! A signer from flags.

use std::path::PathBuf;

use clap::{ArgGroup, Args, ValueHint};
use signhere_pki::key::PublicKey;
use signhere_pki::time::Time;
use signhere_verify::policy::{FilePattern, Identity, Issuer, Lifetime, Signer, Who, name_of};

use crate::error::CliError;
use crate::exit::Exit;
use crate::files;

/// No public key file is larger.
const KEY_LIMIT: u64 = 64 * 1024;
/// A day less a second: `--until` a day means its end.
const REST_OF_DAY: i64 = 86_399;

/// Who a signer is and what it may sign.
#[derive(Args, Debug)]
#[command(group = ArgGroup::new("who").required(true).args(["repo", "email", "uri", "key"]))]
pub(super) struct WhoArgs {
    /// The repository whose workflow signs: OWNER/NAME on github.com, or the URL of one on GitLab
    #[arg(long, value_name = "REPOSITORY", requires = "reference")]
    repo: Option<String>,
    /// The workflow's file [default on GitLab: .gitlab-ci.yml]
    #[arg(long, value_name = "FILE", requires = "repo")]
    workflow: Option<String>,
    /// The ref that it runs on: `refs/heads/main`; `refs/tags/*` for any tag
    #[arg(long = "ref", value_name = "REF", requires = "repo", id = "reference")]
    reference: Option<String>,
    /// An e-mail address
    #[arg(long, value_name = "ADDRESS", requires = "issuer")]
    email: Option<String>,
    /// An identity as the certificate has it: a URI, or user!domain
    #[arg(
        long,
        value_name = "URI",
        requires = "issuer",
        visible_alias = "identity"
    )]
    uri: Option<String>,
    /// Who vouches for it: a URL, or github, gitlab, google, microsoft, github-login, buildkite, ...
    #[arg(long, value_name = "ISSUER", conflicts_with = "key")]
    issuer: Option<String>,
    /// A public key (PEM)
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    key: Option<PathBuf>,
    /// The repository that is built, where the workflow is one that others call too: its URL
    #[arg(long, value_name = "URL", conflicts_with_all = ["email", "key"])]
    source_repository: Option<String>,
    /// The number of the repository that is built, which outlives its name
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["email", "key"])]
    repository_id: Option<String>,
    /// What to call the signer in the file
    #[arg(long, value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Files that may be signed, such as `*.tar.gz` or `dist/*.whl` [default: all]
    #[arg(long = "file", value_name = "PATTERN")]
    files: Vec<String>,
    /// Types of statements that may be made [default: all]
    #[arg(long = "attestation", value_name = "TYPE")]
    attestations: Vec<String>,
    /// The instances whose word counts [default: public, github]
    #[arg(long = "on", value_name = "INSTANCE", value_delimiter = ',')]
    on: Vec<String>,
    /// An address that the signer commits with, beside the one of the identity
    #[arg(long = "committer", value_name = "ADDRESS")]
    committers: Vec<String>,
    /// The first day, or second, whose signatures count
    #[arg(long, value_name = "TIME")]
    from: Option<String>,
    /// The last
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
}

impl WhoArgs {
    /// The signer that is meant.
    pub(super) fn signer(&self) -> Result<Signer, CliError> {
        let who = self.who()?;
        let name = match (&self.name, &who) {
            (Some(name), _) => name.clone(),
            (None, Who::Identity { identity, .. }) => name_of(identity.as_str()),
            (None, Who::Key(key)) => {
                let id: String = hex::encode(key.key_id()).chars().take(8).collect();
                format!("key-{id}")
            }
            (None, _) => "signer".to_owned(),
        };
        let mut signer = Signer::new(name, who);
        let patterns = self
            .files
            .iter()
            .map(|text| FilePattern::parse(text).map_err(|error| refused(text, &error)));
        let patterns = patterns.collect::<Result<Vec<_>, _>>()?;
        signer.files = Some(patterns).filter(|files| !files.is_empty());
        signer.attestations = Some(self.attestations.clone()).filter(|types| !types.is_empty());
        signer.instances = Some(self.on.clone()).filter(|on| !on.is_empty());
        signer.committers.clone_from(&self.committers);
        let mut lifetime = Lifetime::default();
        lifetime.from = self.from.as_deref().map(|text| time(text, 0)).transpose()?;
        lifetime.until = self
            .until
            .as_deref()
            .map(|text| time(text, REST_OF_DAY))
            .transpose()?;
        signer.lifetime = lifetime;
        Ok(signer)
    }

    fn who(&self) -> Result<Who, CliError> {
        if let Some(path) = &self.key {
            let pem = files::read_text(path, KEY_LIMIT)?;
            let key = PublicKey::from_pem(&pem)
                .map_err(|error| CliError::from(error).about(&path.display().to_string()))?;
            return Ok(Who::Key(key));
        }
        let text = match (&self.repo, &self.email, &self.uri) {
            (Some(repository), _, _) => self.workflow_of(repository)?,
            (_, Some(text), _) | (_, _, Some(text)) => text.clone(),
            (None, None, None) => return Err(CliError::usage("who is meant?")),
        };
        let identity = Identity::parse(&text).map_err(|error| {
            let place = text.get(error.span.clone()).unwrap_or_default();
            refused(&text, &error).found(place.to_owned())
        })?;
        let issuer = match &self.issuer {
            Some(issuer) => issuer.as_str(),
            None if text.starts_with("https://gitlab.com/") => "gitlab",
            None if text.starts_with("https://github.com/") => "github",
            None => {
                return Err(CliError::usage(
                    "--issuer is needed: an identity means something at its issuer only",
                ));
            }
        };
        let issuer = Issuer::named(issuer).map_err(|error| refused(issuer, &error))?;
        Ok(Who::Identity {
            identity,
            issuer,
            repository: self.source_repository.clone(),
            repository_id: self.repository_id.clone(),
        })
    }

    /// The identity of a workflow of a repository.
    fn workflow_of(&self, repository: &str) -> Result<String, CliError> {
        let reference = self.reference.as_deref().unwrap_or_default();
        if !reference.starts_with("refs/") {
            return Err(CliError::usage(format!("{reference} is no ref"))
                .expected("a whole ref: refs/tags/*, refs/tags/v1.0, refs/heads/main"));
        }
        let repository = repository.trim_end_matches('/');
        let repository = repository.strip_suffix(".git").unwrap_or(repository);
        let is_gitlab =
            self.issuer.as_deref() == Some("gitlab") || repository.starts_with("https://gitlab.");
        let url = match repository.contains("://") {
            true => repository.to_owned(),
            false if is_gitlab => format!("https://gitlab.com/{repository}"),
            false if repository.split('/').count() == 2 => {
                format!("https://github.com/{repository}")
            }
            false => {
                return Err(CliError::usage(format!("{repository} is no repository"))
                    .expected("OWNER/NAME on github.com, or a URL"));
            }
        };
        if is_gitlab {
            let file = self.workflow.as_deref().unwrap_or(".gitlab-ci.yml");
            return Ok(format!("{url}//{file}@{reference}"));
        }
        let workflow = self.workflow.as_deref().ok_or_else(|| {
            CliError::usage("--workflow is needed: a repository has workflows of different worth")
        })?;
        let workflow = workflow
            .strip_prefix(".github/workflows/")
            .unwrap_or(workflow);
        Ok(format!("{url}/.github/workflows/{workflow}@{reference}"))
    }
}

/// A day, in UTC, or a second; a day begins `rest` seconds before it is meant.
pub(super) fn time(text: &str, rest: i64) -> Result<Time, CliError> {
    let day = Time::parse_rfc3339(&format!("{text}T00:00:00Z"));
    let time = day.map(|day| day.plus_seconds(rest));
    time.or_else(|_| Time::parse_rfc3339(text)).map_err(|_| {
        CliError::usage(format!("{text} is no time"))
            .expected("a day such as 2026-01-31, or 2026-01-31T12:00:00Z")
    })
}

/// Something that a trust file cannot have.
fn refused(text: &str, error: &dyn std::fmt::Display) -> CliError {
    let message = format!("{text} cannot be listed: {error}");
    CliError::new(Exit::Usage, "SH-TRUST-WHO", message)
        .mend("see docs/reference/trust.toml.md, section Identities")
}
