//! `github-workflow`: GitHub Actions, as Fulcio knew it before there were templates.

use super::CiProvider;
use crate::issuers::template::TemplateError;

pub(super) fn provider() -> Result<CiProvider, TemplateError> {
    const REQUIRED: [&str; 16] = [
        "job_workflow_ref",
        "sha",
        "event_name",
        "repository",
        "workflow",
        "ref",
        "job_workflow_sha",
        "runner_environment",
        "repository_id",
        "repository_owner",
        "repository_owner_id",
        "repository_visibility",
        "workflow_ref",
        "workflow_sha",
        "run_id",
        "run_attempt",
    ];
    let signer = "https://github.com/{{.job_workflow_ref}}";
    let run =
        "https://github.com/{{.repository}}/actions/runs/{{.run_id}}/attempts/{{.run_attempt}}";
    CiProvider::built_in(
        &REQUIRED,
        &[],
        signer,
        &[
            (2, "event_name"),
            (3, "sha"),
            (4, "workflow"),
            (5, "repository"),
            (6, "ref"),
            (9, signer),
            (10, "job_workflow_sha"),
            (11, "runner_environment"),
            (12, "https://github.com/{{.repository}}"),
            (13, "sha"),
            (14, "ref"),
            (15, "repository_id"),
            (16, "https://github.com/{{.repository_owner}}"),
            (17, "repository_owner_id"),
            (18, "https://github.com/{{.workflow_ref}}"),
            (19, "workflow_sha"),
            (20, "event_name"),
            (21, run),
            (22, "repository_visibility"),
        ],
    )
}
