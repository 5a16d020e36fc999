//! The flags of cosign and of `gh attestation verify`.

use signhere_pki::key::PublicKey;
use signhere_verify::policy::{Identity, Issuer, Signer, Who, name_of};

use super::{Foreign, keyless, refused};
use crate::error::CliError;
use crate::files;

/// No public key file is larger.
const KEY_LIMIT: u64 = 64 * 1024;
/// What gh asks for when it is told nothing else.
const PROVENANCE: &str = "https://slsa.dev/provenance/v1";
const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// The value of a flag: `--name value` or `--name=value`; the last one counts, as there.
struct Flags<'a>(&'a [String]);

impl Flags<'_> {
    fn value(&self, names: &[&str]) -> Option<&str> {
        let mut found = None;
        let mut words = self.0.iter();
        while let Some(word) = words.next() {
            match word.split_once('=') {
                Some((name, value)) if names.contains(&name) => found = Some(value),
                None if names.contains(&word.as_str()) => found = words.next().map(String::as_str),
                _ => {}
            }
        }
        found
    }

    fn source(&self) -> String {
        self.0.join(" ")
    }
}

/// `cosign verify`, `verify-blob`, `verify-attestation` and the like.
pub(super) fn cosign(words: &[String]) -> Vec<Foreign> {
    let flags = Flags(words);
    let signer = match flags.value(&["--key"]) {
        Some(path) => key(path),
        None => keyless(
            flags.value(&["--certificate-identity", "--cert-identity"]),
            flags.value(&["--certificate-identity-regexp"]),
            flags.value(&["--certificate-oidc-issuer", "--cert-oidc-issuer"]),
            flags.value(&["--certificate-oidc-issuer-regexp"]),
        ),
    };
    vec![Foreign::new(flags.source(), signer)]
}

fn key(path: &str) -> Result<Signer, CliError> {
    if path.contains("://") {
        return Err(refused(
            "the key is with a service: fetch its public half into a file",
        ));
    }
    let pem = files::read_text(path.as_ref(), KEY_LIMIT)?;
    let key = PublicKey::from_pem(&pem).map_err(|error| CliError::from(error).about(path))?;
    let id: String = hex::encode(key.key_id()).chars().take(8).collect();
    Ok(Signer::new(format!("key-{id}"), Who::Key(key)))
}

/// `gh attestation verify`.
pub(super) fn gh(words: &[String]) -> Vec<Foreign> {
    let flags = Flags(words);
    vec![Foreign::new(flags.source(), attestation(&flags))]
}

fn attestation(flags: &Flags<'_>) -> Result<Signer, CliError> {
    let issuer = flags.value(&["--cert-oidc-issuer"]).unwrap_or(GITHUB);
    let repository = flags.value(&["--repo", "-R"]);
    let exact = flags.value(&["--cert-identity", "-i"]);
    let regexp = flags.value(&["--cert-identity-regex"]);
    let mut signer = match (exact, regexp, flags.value(&["--signer-workflow"])) {
        (None, None, Some(workflow)) => by_workflow(workflow, flags, issuer)?,
        (None, None, None) => {
            return Err(refused(
                "any workflow on any ref would do: name one with --signer-workflow OWNER/NAME/.github/workflows/FILE@REF",
            ));
        }
        _ => keyless(exact, regexp, Some(issuer), None)?,
    };
    if let Who::Identity {
        identity,
        repository: source,
        ..
    } = &mut signer.who
    {
        match (repository, flags.value(&["--owner", "-o"])) {
            (Some(repository), _) => {
                let url = format!("https://github.com/{repository}");
                Identity::parse(&url).map_err(|error| refused(&error))?;
                if !identity.as_str().starts_with(&format!("{url}/")) {
                    *source = Some(url);
                }
            }
            (None, Some(owner))
                if !identity
                    .as_str()
                    .starts_with(&format!("https://github.com/{owner}/")) =>
            {
                return Err(refused(
                    "any repository of an owner would do: name one with --repo",
                ));
            }
            _ => {}
        }
    }
    let predicate = flags.value(&["--predicate-type"]).unwrap_or(PROVENANCE);
    signer.attestations = Some(vec![predicate.to_owned()]);
    Ok(signer)
}

/// `[HOST/]OWNER/NAME/.github/workflows/FILE[@REF]`
fn by_workflow(workflow: &str, flags: &Flags<'_>, issuer: &str) -> Result<Signer, CliError> {
    let workflow = workflow.strip_prefix("github.com/").unwrap_or(workflow);
    let host = flags.value(&["--hostname"]).unwrap_or("github.com");
    let text = match (workflow.contains('@'), flags.value(&["--source-ref"])) {
        (true, _) => format!("https://{host}/{workflow}"),
        // The workflow's own ref is the source's where it is the repository's own.
        (false, Some(source)) if is_own(workflow, flags) => {
            format!("https://{host}/{workflow}@{source}")
        }
        _ => {
            return Err(refused(
                "the workflow on any ref would do: write @refs/tags/* or @refs/heads/main after it",
            ));
        }
    };
    let identity = Identity::parse(&text).map_err(|error| refused(&error))?;
    let who = Who::Identity {
        identity,
        issuer: Issuer::parse(issuer).map_err(|error| refused(&error))?,
        repository: None,
        repository_id: None,
    };
    Ok(Signer::new(name_of(&text), who))
}

fn is_own(workflow: &str, flags: &Flags<'_>) -> bool {
    let repository = flags.value(&["--repo", "-R"]);
    repository.is_some_and(|repository| workflow.starts_with(&format!("{repository}/")))
}
