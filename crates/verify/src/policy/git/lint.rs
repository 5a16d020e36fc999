//! What of `[git]` does not do what it seems to.

use signhere_pki::time::Time;

use super::super::file::TrustFile;
use super::super::lint::{Finding, Severity};

/// Where a repository has its trust file.
const TRUST_FILE: &[u8] = b".signhere/trust.toml";

/// What is wrong with the rules at the time `now`.
pub(in super::super) fn lint(file: &TrustFile, now: Time) -> Vec<Finding> {
    let Some(git) = &file.git else {
        return Vec::new();
    };
    let people = file.people();
    let has_time = |name: &&str| {
        let mut entries = file.signers.iter().filter(|signer| signer.name == *name);
        entries.any(|signer| {
            let ends = [signer.lifetime.until, signer.lifetime.revoked];
            ends.iter().flatten().all(|end| *end > now)
        })
    };
    let unmet = git.rules.iter().filter(|rule| {
        let left = rule.signers.iter().map(String::as_str).filter(has_time);
        people.count(left) < rule.threshold
    });
    let unmet = unmet.map(|rule| Finding {
        severity: Severity::Fault,
        code: "git-unmet",
        signer: format!("git.rules.{}", rule.name),
        message: "the time of so many of its signers is over that nothing new can meet it",
        mend: "name others, or lower the threshold",
    });
    let is_kept = git.rules.iter().any(|rule| rule.is_about([TRUST_FILE]));
    let open = (!is_kept).then(|| Finding {
        severity: Severity::Advice,
        code: "git-open",
        signer: "git".to_owned(),
        message: "no rule is about this file: every signer may change who may commit",
        mend: "add a rule with paths = [\".signhere/**\"]",
    });
    unmet.chain(open).collect()
}
