//! Buildkite: the agent's own command asks for the job's token.

use super::{AmbientProblem, Asked, Secret, secret};

pub(super) const REMEDY: &str = "run in a job of an agent of version 3.41 or later, with \
     `buildkite-agent` on the PATH (in a container too)";

pub(super) async fn ask(asked: &Asked<'_>) -> Result<Option<Secret>, AmbientProblem> {
    if !asked.is_set("BUILDKITE") {
        return Ok(None);
    }
    let arguments = ["oidc", "request-token", "--audience", asked.audience];
    let output = asked.env.run("buildkite-agent", &arguments).await?;
    secret(output).map(Some)
}
