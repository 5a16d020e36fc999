//! What is attested of a commit, read back and proven.

use serde::Serialize;
use signhere_git::approve::{APPROVAL, approval_in};
use signhere_git::attest::{
    Expected, SOURCE_PROVENANCE, VERIFICATION_SUMMARY, provenance_in, summary_in,
};
use signhere_git::carry::{CARRY_OVER, carried_in};
use signhere_git::notes::Notes;
use signhere_git::object::Object;
use signhere_git::proof::Proven;
use signhere_git::repository::Repository;
use signhere_git::statement::attested;
use signhere_git::verifier::GitVerifier;
use signhere_verify::bundle::{Bundle, Content};
use signhere_verify::policy::{Question, Trusted};

use super::{AttestArgs, Who, full_name, whose};
use crate::commands::Context;
use crate::error::{CliError, ErrorFields};
use crate::exit::Exit;
use crate::output::text::safe;
use crate::policy;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    version: u32,
    commit: String,
    verified: bool,
    statements: Vec<Line>,
    faults: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line {
    predicate_type: String,
    /// Whether it holds, and is of somebody whom the trust files list for it.
    verified: bool,
    by: Option<Who>,
    verified_levels: Vec<String>,
    policy_digest: Option<String>,
    resource_uri: Option<String>,
    source_refs: Vec<String>,
    error: Option<ErrorFields>,
}

pub(super) fn run(
    context: &Context,
    args: &AttestArgs,
    repository: &Repository,
    verifier: &GitVerifier,
    commit: &Object,
) -> Result<(), CliError> {
    let found = policy::at_hand(args.trust_file.as_deref())?;
    let files = found.into_iter().map(|one| one.file).collect();
    let question = Question::new(Trusted::new(files).into());
    let note = Notes::open(repository)?.of(&commit.id());
    let is_statement = |bundle: &&Bundle| matches!(bundle.content, Content::Dsse(_));
    let reference = args.reference.as_deref().map(full_name);
    let expected = Expected {
        resource_uri: args.repository_uri.as_deref(),
        reference: reference.as_deref(),
        levels: &args.levels,
    };
    let statements = note.bundles.iter().filter(is_statement);
    let statements: Vec<Line> = statements
        .map(|bundle| line(verifier, &question, &expected, commit, bundle))
        .collect();
    // The others say something too, but not that the commit was verified.
    let is_summary = |line: &Line| line.predicate_type == VERIFICATION_SUMMARY;
    let verified = statements
        .iter()
        .any(|line| is_summary(line) && line.verified);
    let report = Report {
        version: 1,
        commit: commit.id().to_string(),
        verified,
        statements,
        faults: note.faults.iter().map(ToString::to_string).collect(),
    };
    show(context, &report)?;
    if verified {
        return Ok(());
    }
    let exit = Exit::Findings;
    if context.output.is_json() {
        return Err(CliError::reported(exit));
    }
    let message = format!(
        "no verification of {} is attested by anybody listed",
        report.commit
    );
    Err(CliError::new(exit, "SH-GIT-NOT-ATTESTED", message))
}

fn show(context: &Context, report: &Report) -> Result<(), CliError> {
    if context.output.is_json() {
        return context.output.document(report);
    }
    for line in &report.statements {
        let by = line
            .by
            .as_ref()
            .map_or("nobody by name", |who| &who.identity);
        let word = if line.verified { "verified" } else { "refused" };
        let text = format!("{word}: {} by {by}", line.predicate_type);
        context.output.line(safe(&text))?;
        let what = [&line.verified_levels[..], &line.source_refs];
        let what = what.into_iter().filter(|what| !what.is_empty());
        let what = what.map(|what| what.join(", "));
        for text in what.chain(line.resource_uri.clone()) {
            context.output.line(safe(&format!("  {text}")))?;
        }
        if let Some(error) = &line.error {
            context.output.line(safe(&format!("  {}", error.message)))?;
        }
    }
    for fault in &report.faults {
        context.output.note(safe(&format!("note: {fault}")));
    }
    Ok(())
}

/// One statement. By its type it must say what that type says; others must hold as statements.
fn line(
    verifier: &GitVerifier,
    question: &Question,
    expected: &Expected<'_>,
    commit: &Object,
    bundle: &Bundle,
) -> Line {
    let id = commit.id();
    let mut line = Line {
        predicate_type: predicate_type(bundle),
        verified: false,
        by: None,
        verified_levels: Vec::new(),
        policy_digest: None,
        resource_uri: None,
        source_refs: Vec::new(),
        error: None,
    };
    let proven: Result<Proven, String> = match line.predicate_type.as_str() {
        VERIFICATION_SUMMARY => summary_in(verifier, &id, bundle)
            .map_err(|error| error.to_string())
            .and_then(|summary| {
                summary.meets(expected).map_err(|unmet| unmet.to_string())?;
                line.verified_levels = summary.verified_levels;
                line.policy_digest = summary.policy_digest;
                line.resource_uri = Some(summary.resource_uri);
                line.source_refs = summary.source_refs;
                Ok(summary.proven)
            }),
        SOURCE_PROVENANCE => provenance_in(verifier, &id, bundle)
            .map_err(|error| error.to_string())
            .map(|provenance| {
                line.resource_uri = Some(provenance.repository);
                provenance.proven
            }),
        APPROVAL => approval_in(verifier, (commit.kind(), &id), bundle)
            .map_err(|error| error.to_string())
            .map(|approval| approval.proven),
        CARRY_OVER => carried_in(verifier, commit, bundle)
            .map_err(|error| error.to_string())
            .map(|carried| carried.proven),
        _ => attested(verifier, (commit.kind(), &id), bundle)
            .map_err(|error| error.to_string())
            .map(|attested| attested.proven),
    };
    let refused =
        |message: String| CliError::new(Exit::Findings, "SH-GIT-STATEMENT", message).fields();
    match proven {
        Err(message) => line.error = Some(refused(message)),
        Ok(proven) => {
            line.by = Who::of(&proven.verdict);
            let question = match &proven.instance {
                Some(name) => &question.clone().on(name),
                None => question,
            };
            match question.allows(&proven.verdict) {
                Ok(_) => line.verified = true,
                Err(failure) => {
                    let error = CliError::from(&*failure);
                    line.error = Some(error.about(&whose(&proven)).fields());
                }
            }
        }
    }
    line
}

/// What a statement calls itself; nothing of it is proven.
fn predicate_type(bundle: &Bundle) -> String {
    let claims = signhere_verify::bundle::Claims::of(bundle);
    claims.predicate_type.unwrap_or_default()
}
