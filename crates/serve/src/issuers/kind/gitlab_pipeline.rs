//! `gitlab-pipeline`: gitlab.com, as Fulcio knew it before there were templates.

use super::CiProvider;
use crate::issuers::template::TemplateError;

pub(super) fn provider() -> Result<CiProvider, TemplateError> {
    const REQUIRED: [&str; 11] = [
        "project_path",
        "pipeline_source",
        "pipeline_id",
        "ci_config_ref_uri",
        "job_id",
        "ref",
        "namespace_path",
        "namespace_id",
        "project_id",
        "sha",
        "runner_environment",
    ];
    let config = "https://{{.ci_config_ref_uri}}";
    let kind_of_ref = r#"refs/{{if eq .ref_type "branch"}}heads{{else}}tags{{end}}/{{.ref}}"#;
    let provider = CiProvider::built_in(
        &REQUIRED,
        // Absent when the definition of the pipeline is kept elsewhere.
        &[("ci_config_sha", ""), ("project_visibility", "")],
        config,
        &[
            (9, config),
            (10, "ci_config_sha"),
            (11, "runner_environment"),
            (12, "https://gitlab.com/{{.project_path}}"),
            (13, "sha"),
            (14, kind_of_ref),
            (15, "project_id"),
            (16, "https://gitlab.com/{{.namespace_path}}"),
            (17, "namespace_id"),
            (18, config),
            (19, "ci_config_sha"),
            (20, "pipeline_source"),
            (
                21,
                "https://gitlab.com/{{.project_path}}/-/jobs/{{.job_id}}",
            ),
            (22, "project_visibility"),
        ],
    )?;
    Ok(CiProvider {
        one_of: &[("ref_type", ["branch", "tag"])],
        ..provider
    })
}
