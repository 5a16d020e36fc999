//! `signhere trust import`: what other tools were told, as entries of a trust file.

mod flags;
mod policy_yaml;

use std::path::Path;

use clap::Args;
use serde::Serialize;
use signhere_verify::policy::{Identity, Issuer, Signer, Who, entry, name_of};

use super::FileArgs;
use crate::commands::Context;
use crate::error::{CliError, ErrorFields};
use crate::exit::Exit;
use crate::files;
use crate::output::style::{DIM, paint, tick};
use crate::output::text::safe;

/// No policy is larger.
const LIMIT: u64 = 1024 * 1024;

/// Translate cosign's or gh's flags, or a ClusterImagePolicy, into signers
///
/// A regular expression is translated where it says what an identity can say, and refused with the
/// reason where it would take more. Nothing is added without --add.
#[derive(Args, Debug)]
#[command(
    after_help = "Examples:\n  signhere trust import -- cosign verify-blob --certificate-identity ID --certificate-oidc-issuer URL FILE\n  signhere trust import -- gh attestation verify FILE --repo acme/tool --signer-workflow acme/tool/.github/workflows/release.yml@refs/tags/v1\n  signhere trust import policy.yaml"
)]
pub(super) struct ImportArgs {
    /// Add what could be translated to the trust file
    #[arg(long)]
    add: bool,
    #[command(flatten)]
    file: FileArgs,
    /// A command line of cosign or gh, or the file of a ClusterImagePolicy
    #[arg(
        required = true,
        value_name = "COMMAND|FILE",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    words: Vec<String>,
}

/// A signer of another tool's.
pub(super) struct Foreign {
    /// What was translated, as it was there.
    pub(super) source: String,
    /// What it is here.
    pub(super) signer: Result<Signer, CliError>,
}

impl Foreign {
    /// A signer by what another tool says of it.
    pub(super) fn new(source: String, signer: Result<Signer, CliError>) -> Self {
        Self { source, signer }
    }
}

pub(super) fn run(context: &Context, args: &ImportArgs) -> Result<(), CliError> {
    let program = args.words.first().map(String::as_str).unwrap_or_default();
    let found = match program.rsplit('/').next() {
        Some("cosign") => flags::cosign(&args.words),
        Some("gh") => flags::gh(&args.words),
        _ if args.words.len() == 1 => {
            policy_yaml::read(&files::read_text(Path::new(program), LIMIT)?)?
        }
        _ => {
            return Err(
                CliError::usage(format!("{program} is not a tool that is known")).expected(
                    "a command line of cosign or gh, or the file of a ClusterImagePolicy",
                ),
            );
        }
    };
    let mut results = Vec::new();
    let mut failed = None;
    for foreign in found {
        let outcome = foreign.signer.and_then(|signer| match args.add {
            true => super::add::add(args.file.trust.as_deref(), signer, false)
                .map(|(path, signer, _)| (signer, Some(path.display().to_string()))),
            false => Ok((signer, None)),
        });
        let result = Translated::of(foreign.source, &outcome);
        if !context.output.is_json() {
            result.show(context, &outcome)?;
        }
        results.push(result);
        if let Err(error) = outcome {
            failed.get_or_insert_with(|| error.exit());
        }
    }
    if context.output.is_json() {
        context.output.document(&Report {
            version: 1,
            results,
        })?;
    }
    failed.map_or(Ok(()), |exit| Err(CliError::reported(exit)))
}

/// Somebody with a certificate, by the exact values or regular expressions that another tool was given.
pub(super) fn keyless(
    identity: Option<&str>,
    identity_regexp: Option<&str>,
    issuer: Option<&str>,
    issuer_regexp: Option<&str>,
) -> Result<Signer, CliError> {
    let identity = match (identity, identity_regexp) {
        (Some(exact), None) if exact.contains('*') => Err(refused("an identity there has no *")),
        (Some(exact), None) => Identity::parse(exact).map_err(|error| refused(&error)),
        (None, Some(regexp)) => Identity::from_regexp(regexp).map_err(|error| refused(&error)),
        (None, None) => Err(refused("it takes every identity")),
        (Some(_), Some(_)) => Err(refused("it names an identity and a regular expression")),
    }?;
    let issuer = match (issuer, issuer_regexp) {
        (Some(issuer), None) => Issuer::parse(issuer).map_err(|error| refused(&error)),
        // Without a `*` the two are read alike.
        (None, Some(regexp)) => match Identity::from_regexp(regexp) {
            Ok(exact) => Issuer::parse(exact.as_str()).map_err(|error| refused(&error)),
            Err(error) => Err(refused(&error)),
        },
        _ => Err(refused("it takes every issuer")),
    }?;
    let name = name_of(identity.as_str());
    let who = Who::Identity {
        identity,
        issuer,
        repository: None,
        repository_id: None,
    };
    Ok(Signer::new(name, who))
}

/// What cannot be translated, and why.
pub(super) fn refused(why: impl std::fmt::Display) -> CliError {
    let message = format!("this is not translated: {why}");
    CliError::new(Exit::Findings, "SH-TRUST-IMPORT", message)
        .mend("add whom you mean by name: signhere trust add --help")
}

#[derive(Serialize)]
struct Report {
    version: u32,
    results: Vec<Translated>,
}

#[derive(Serialize)]
struct Translated {
    source: String,
    entry: Option<String>,
    file: Option<String>,
    error: Option<ErrorFields>,
}

impl Translated {
    fn of(source: String, outcome: &Result<(Signer, Option<String>), CliError>) -> Self {
        match outcome {
            Ok((signer, file)) => Self {
                source,
                entry: Some(entry(signer)),
                file: file.clone(),
                error: None,
            },
            Err(error) => Self {
                source,
                entry: None,
                file: None,
                error: Some(error.fields()),
            },
        }
    }

    fn show(
        &self,
        context: &Context,
        outcome: &Result<(Signer, Option<String>), CliError>,
    ) -> Result<(), CliError> {
        let output = context.output;
        if let Err(error) = outcome {
            output.error(&error.clone().about(&self.source));
            return Ok(());
        }
        output.line(format!("{} {}", tick(), safe(&self.source)))?;
        for line in self.entry.iter().flat_map(|entry| entry.lines()) {
            output.line(format!("   {}", safe(line)))?;
        }
        if let Some(file) = &self.file {
            output.line(paint(DIM, format_args!("   in {}", safe(file))))?;
        }
        Ok(())
    }
}
