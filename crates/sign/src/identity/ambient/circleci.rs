//! CircleCI: the job's command line tool asks for a token. The one in `CIRCLE_OIDC_TOKEN_V2` is
//! no use: its audience is the organization, and fixed.

use serde_json::json;

use super::{AmbientProblem, Asked, Secret, secret};

pub(super) const REMEDY: &str = "run in a job on CircleCI's own executors or a self-hosted runner \
     that has the `circleci` command, of an organization with OpenID Connect tokens";

pub(super) async fn ask(asked: &Asked<'_>) -> Result<Option<Secret>, AmbientProblem> {
    if !asked.is_set("CIRCLECI") {
        return Ok(None);
    }
    let claims = json!({ "aud": asked.audience }).to_string();
    let arguments = ["run", "oidc", "get", "--claims", &claims];
    let output = asked.env.run("circleci", &arguments).await?;
    secret(output).map(Some)
}
