//! GitLab CI/CD: a variable that the job's `id_tokens` block defines.

use zeroize::Zeroizing;

use super::{AmbientProblem, Asked, Secret};

pub(super) const REMEDY: &str =
    "add to the job: `id_tokens: { SIGSTORE_ID_TOKEN: { aud: sigstore } }`";

pub(super) fn ask(asked: &Asked<'_>) -> Result<Option<Secret>, AmbientProblem> {
    if !asked.is_set("GITLAB_CI") {
        return Ok(None);
    }
    let token = asked.required("SIGSTORE_ID_TOKEN")?;
    Ok(Some(Zeroizing::new(token)))
}
