//! A login in words: who vouched, and for what.

use signhere_verify::verdict::ExtensionEvidence;

/// What a certificate says of a login.
#[derive(Clone, Copy)]
pub(super) struct Login<'a> {
    pub(super) identity: &'a str,
    pub(super) issuer: &'a str,
    pub(super) extensions: &'a [ExtensionEvidence],
}

impl Login<'_> {
    /// The login in a phrase, for people. It says nothing that the issuer's
    /// address does not: the address stands beside it.
    pub(super) fn words(self) -> String {
        let issuer = self.issuer;
        let host = issuer
            .strip_prefix("https://")
            .and_then(|rest| rest.split('/').next())
            .unwrap_or_default();
        match (issuer, host) {
            ("https://token.actions.githubusercontent.com", _) => self.workflow("GitHub Actions"),
            (_, "token.actions.githubusercontent.com") => {
                self.workflow("GitHub Actions of an enterprise")
            }
            ("https://gitlab.com", _) => self.workflow("GitLab CI/CD"),
            ("https://accounts.google.com", _) => {
                if self.identity.ends_with(".gserviceaccount.com") {
                    "a Google Cloud service account".to_owned()
                } else {
                    "a Google account".to_owned()
                }
            }
            ("https://github.com/login/oauth", _) => "a GitHub account".to_owned(),
            (_, "login.microsoftonline.com") => "a Microsoft account".to_owned(),
            ("https://agent.buildkite.com", _) => "a Buildkite pipeline".to_owned(),
            (_, "oidc.circleci.com") => "a CircleCI job".to_owned(),
            ("https://oauth2.sigstore.dev/auth", _) => "a login at Sigstore's own page".to_owned(),
            (_, "container.googleapis.com") => "a Kubernetes service account".to_owned(),
            _ if self.identity.starts_with("spiffe://") => "a SPIFFE workload".to_owned(),
            _ => format!("a login at {issuer}"),
        }
    }

    /// `GitHub Actions: workflow X of repository Y at ref Z, triggered by T`.
    fn workflow(self, platform: &str) -> String {
        let repository = self
            .value("Source Repository URI")
            .map(|uri| uri.rsplit_once("://").map_or(uri, |(_, rest)| rest))
            .or_else(|| self.value("GitHub Workflow Repository"));
        let config = self.value("Build Config URI").unwrap_or(self.identity);
        let mut words = format!("{platform}: workflow {}", file(config));
        if let Some(repository) = repository {
            words.push_str(&format!(" of repository {repository}"));
        }
        let reference = self
            .value("Source Repository Ref")
            .or_else(|| self.value("GitHub Workflow Ref"));
        if let Some(reference) = reference {
            words.push_str(&format!(" at {reference}"));
        }
        let trigger = self
            .value("Build Trigger")
            .or_else(|| self.value("GitHub Workflow Trigger"));
        if let Some(trigger) = trigger {
            words.push_str(&format!(", triggered by {trigger}"));
        }
        // A reusable workflow is the one that signs; another repository called it.
        if self
            .value("Build Config URI")
            .is_some_and(|called| called != self.identity)
        {
            words.push_str(&format!(", through {}", self.identity));
        }
        words
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.extensions
            .iter()
            .find(|extension| extension.name == name)
            .map(|extension| extension.value.as_str())
    }
}

/// The workflow's file in `https://HOST/OWNER/REPO/PATH@REF`, or `//PATH@REF` of GitLab.
fn file(uri: &str) -> &str {
    let path = uri.split_once('@').map_or(uri, |(path, _)| path);
    match path.find("/.github/workflows/") {
        Some(at) => path.get(at.saturating_add(1)..).unwrap_or(path),
        None => path.rsplit_once("//").map_or(path, |(_, file)| file),
    }
}
