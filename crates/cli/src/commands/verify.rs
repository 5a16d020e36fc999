//! `signhere verify`: who signed this?

mod args;
mod discover;
mod judge;
mod report;

use signhere_verify::verifier::Verifier;

pub(crate) use self::args::VerifyArgs;
pub(crate) use self::judge::BUNDLE_LIMIT;
use self::judge::Verification;
use self::report::{Checked, Report};
use super::Context;
use crate::error::CliError;
use crate::output::progress;
use crate::trust;

pub(crate) fn run(context: &Context, args: &VerifyArgs) -> Result<(), CliError> {
    if args.bundle.is_some() && args.artifacts.len() > 1 {
        return Err(CliError::usage("--bundle goes with one file only"));
    }
    let many = args.artifacts.len() > 1;
    let verification = Verification {
        bundle: args.bundle.as_deref(),
        policy: args.policy()?,
        verifier: Verifier::new(trust::trusted_root(context, &args.trust)?)?,
        output: match many {
            true => context.output.below_a_bar(),
            false => context.output,
        },
    };

    let bar = progress::files(context.output, "verifying", args.artifacts.len());
    let mut results = Vec::new();
    for artifact in &args.artifacts {
        let checked = verification.check(artifact);
        bar.suspend(|| checked.show(context))?;
        bar.inc(1);
        results.push(checked);
    }
    bar.finish_and_clear();

    let failed = results
        .iter()
        .find_map(|result| result.error.as_ref().map(CliError::exit));
    if context.output.is_json() {
        context.output.document(&Report {
            version: 1,
            verified: failed.is_none(),
            results: results.iter().map(Checked::report).collect(),
        })?;
    }
    failed.map_or(Ok(()), |exit| Err(CliError::reported(exit)))
}
