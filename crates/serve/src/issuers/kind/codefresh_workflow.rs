//! `codefresh-workflow`: Codefresh, as Fulcio knew it before there were templates.

use super::CiProvider;
use crate::issuers::template::TemplateError;

pub(super) fn provider() -> Result<CiProvider, TemplateError> {
    let build = "{{.platform_url}}/build/{{.workflow_id}}";
    CiProvider::built_in(
        &[
            "account_id",
            "account_name",
            "pipeline_id",
            "pipeline_name",
            "workflow_id",
        ],
        &[
            ("platform_url", "https://g.codefresh.io"),
            ("scm_repo_url", ""),
            ("scm_ref", ""),
            ("runner_environment", ""),
        ],
        "{{.platform_url}}/{{.account_name}}/{{.pipeline_name}}:{{.account_id}}/{{.pipeline_id}}",
        &[
            (9, build),
            (11, "runner_environment"),
            (12, "scm_repo_url"),
            (14, "scm_ref"),
            (18, "{{.platform_url}}/api/pipelines/{{.pipeline_id}}"),
            (21, build),
        ],
    )
}
