//! `signhere trust show`: who may sign, and which file says so.

use clap::Args;
use serde::Serialize;
use signhere_pki::time::Time;
use signhere_verify::policy::{GitPattern, GitPolicy, GitRule, Signer, TrustFile, Who};

use super::FileArgs;
use crate::commands::Context;
use crate::error::CliError;
use crate::output::style::{BOLD, DIM, paint};
use crate::output::text::safe;
use crate::policy;

/// Show who may sign what, and which file says so
#[derive(Args, Debug)]
pub(super) struct ShowArgs {
    #[command(flatten)]
    file: FileArgs,
}

pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<(), CliError> {
    let files = policy::at_hand(args.file.trust.as_deref())?;
    let shown: Vec<File<'_>> = files.iter().map(|found| File::of(&found.file)).collect();
    if context.output.is_json() {
        return context.output.document(&Report {
            version: 1,
            files: &shown,
        });
    }
    if shown.is_empty() {
        return context
            .output
            .line("there is no trust file: nobody may sign\n   make one: signhere trust init");
    }
    for file in &shown {
        context.output.line(paint(BOLD, safe(file.file)))?;
        if file.signers.is_empty() {
            context.output.line("   nobody may sign")?;
        }
        for signer in &file.signers {
            context.output.line(signer.text())?;
        }
        for line in file.git.iter().flat_map(Git::lines) {
            context.output.line(line)?;
        }
    }
    Ok(())
}

#[derive(Serialize)]
struct Report<'a> {
    version: u32,
    files: &'a [File<'a>],
}

#[derive(Serialize)]
struct File<'a> {
    file: &'a str,
    signers: Vec<Entry<'a>>,
    git: Option<Git<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Git<'a> {
    since: Option<&'a str>,
    grandfathered: &'a [String],
    platforms: Vec<&'a str>,
    allowed_signers: Option<&'a str>,
    carriers: Vec<&'a str>,
    rules: Vec<Rule<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule<'a> {
    name: &'a str,
    refs: Vec<&'a str>,
    paths: Option<Vec<&'a str>>,
    signers: Vec<&'a str>,
    threshold: usize,
    strict_committer: bool,
    rewrite: bool,
    delete: bool,
    lightweight: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry<'a> {
    name: &'a str,
    identity: Option<&'a str>,
    issuer: Option<&'a str>,
    repository: Option<&'a str>,
    repository_id: Option<&'a str>,
    key_id: Option<String>,
    files: Option<Vec<&'a str>>,
    attestations: Option<&'a [String]>,
    committers: &'a [String],
    instances: Vec<&'a str>,
    from: Option<Time>,
    until: Option<Time>,
    revoked: Option<Time>,
}

impl<'a> File<'a> {
    fn of(file: &'a TrustFile) -> Self {
        Self {
            file: &file.label,
            signers: file.signers.iter().map(Entry::of).collect(),
            git: file.git.as_ref().map(Git::of),
        }
    }
}

impl<'a> Git<'a> {
    fn of(git: &'a GitPolicy) -> Self {
        Self {
            since: git.since.as_deref(),
            grandfathered: &git.grandfathered,
            platforms: git.platforms.iter().map(|one| one.name.as_str()).collect(),
            allowed_signers: git.allowed_signers.as_deref(),
            carriers: git.carriers.iter().map(String::as_str).collect(),
            rules: git.rules.iter().map(Rule::of).collect(),
        }
    }

    fn lines(&self) -> Vec<String> {
        let facts = [
            ("since", self.since.map(ToOwned::to_owned)),
            (
                "let through",
                Some(self.grandfathered.join(", ")).filter(|ids| !ids.is_empty()),
            ),
            (
                "platforms",
                Some(self.platforms.join(", ")).filter(|names| !names.is_empty()),
            ),
            ("ssh keys", self.allowed_signers.map(ToOwned::to_owned)),
            (
                "carriers",
                Some(self.carriers.join(", ")).filter(|names| !names.is_empty()),
            ),
        ];
        let mut lines = vec![block("git", &facts)];
        lines.extend(self.rules.iter().map(Rule::text));
        lines
    }
}

impl<'a> Rule<'a> {
    fn of(rule: &'a GitRule) -> Self {
        let texts = |patterns: &'a [GitPattern]| patterns.iter().map(GitPattern::as_str).collect();
        Self {
            name: &rule.name,
            refs: texts(&rule.refs),
            paths: rule.paths.as_deref().map(texts),
            signers: rule.signers.iter().map(String::as_str).collect(),
            threshold: rule.threshold,
            strict_committer: rule.is_strict,
            rewrite: rule.may_rewrite,
            delete: rule.may_delete,
            lightweight: rule.may_be_lightweight,
        }
    }

    fn text(&self) -> String {
        let allowed = [
            ("rewrite", self.rewrite),
            ("delete", self.delete),
            ("lightweight", self.lightweight),
        ];
        let allowed = allowed.iter().filter(|(_, yes)| *yes);
        let allowed: Vec<&str> = allowed.map(|(name, _)| *name).collect();
        let facts = [
            ("refs", Some(self.refs.join(", "))),
            ("paths", self.paths.as_ref().map(|paths| paths.join(", "))),
            (
                "signers",
                Some(format!("{} of {}", self.threshold, self.signers.join(", "))),
            ),
            (
                "committer",
                self.strict_committer.then(|| "strict".to_owned()),
            ),
            (
                "allowed",
                Some(allowed.join(", ")).filter(|allowed| !allowed.is_empty()),
            ),
        ];
        block(&format!("git.rules.{}", self.name), &facts)
    }
}

impl<'a> Entry<'a> {
    fn of(signer: &'a Signer) -> Self {
        let mut entry = Self {
            name: &signer.name,
            identity: None,
            issuer: None,
            repository: None,
            repository_id: None,
            key_id: None,
            files: signer
                .files
                .as_ref()
                .map(|files| files.iter().map(|file| file.as_str()).collect()),
            attestations: signer.attestations.as_deref(),
            committers: &signer.committers,
            instances: signer.instances(),
            from: signer.lifetime.from,
            until: signer.lifetime.until,
            revoked: signer.lifetime.revoked,
        };
        match &signer.who {
            Who::Identity {
                identity,
                issuer,
                repository,
                repository_id,
            } => {
                entry.identity = Some(identity.as_str());
                entry.issuer = Some(issuer.as_str());
                entry.repository = repository.as_deref();
                entry.repository_id = repository_id.as_deref();
            }
            Who::Key(key) => entry.key_id = Some(hex::encode(key.key_id())),
            _ => {}
        }
        entry
    }

    fn text(&self) -> String {
        let list = |values: &[&str]| match values.is_empty() {
            true => "none".to_owned(),
            false => values.join(", "),
        };
        let texts =
            |values: &[String]| list(&values.iter().map(String::as_str).collect::<Vec<_>>());
        let facts = [
            ("identity", self.identity.map(ToOwned::to_owned)),
            ("issuer", self.issuer.map(ToOwned::to_owned)),
            ("repository", self.repository.map(ToOwned::to_owned)),
            ("repository id", self.repository_id.map(ToOwned::to_owned)),
            ("key", self.key_id.as_ref().map(|id| format!("sha256:{id}"))),
            ("files", self.files.as_deref().map(list)),
            ("attestations", self.attestations.map(texts)),
            (
                "committers",
                Some(self.committers.join(", ")).filter(|addresses| !addresses.is_empty()),
            ),
            ("instances", Some(list(&self.instances))),
            ("from", self.from.map(|time| time.to_string())),
            ("until", self.until.map(|time| time.to_string())),
            ("revoked", self.revoked.map(|time| time.to_string())),
        ];
        block(self.name, &facts)
    }
}

/// A name, and under it what there is to say.
fn block(name: &str, facts: &[(&str, Option<String>)]) -> String {
    let mut lines = vec![format!("   {}", paint(BOLD, name))];
    for (name, value) in facts {
        if let Some(value) = value {
            let name = paint(DIM, format_args!("{name:<13}"));
            lines.push(format!("      {name} {}", safe(value)));
        }
    }
    lines.join("\n")
}
