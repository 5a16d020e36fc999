//! `signhere trust show`: who may sign, and which file says so.

use clap::Args;
use serde::Serialize;
use signhere_pki::time::Time;
use signhere_verify::policy::{Signer, TrustFile, Who};

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
        }
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
        let mut lines = vec![format!("   {}", paint(BOLD, self.name))];
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
            ("instances", Some(list(&self.instances))),
            ("from", self.from.map(|time| time.to_string())),
            ("until", self.until.map(|time| time.to_string())),
            ("revoked", self.revoked.map(|time| time.to_string())),
        ];
        for (name, value) in facts {
            if let Some(value) = value {
                let name = paint(DIM, format_args!("{name:<13}"));
                lines.push(format!("      {name} {}", safe(&value)));
            }
        }
        lines.join("\n")
    }
}
