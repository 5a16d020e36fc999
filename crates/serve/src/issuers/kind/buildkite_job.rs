//! `buildkite-job`: Buildkite, as Fulcio knew it before there were templates: a name and nothing else.

use super::CiProvider;
use crate::issuers::template::TemplateError;

pub(super) fn provider() -> Result<CiProvider, TemplateError> {
    CiProvider::built_in(
        &["organization_slug", "pipeline_slug"],
        &[],
        "https://buildkite.com/{{.organization_slug}}/{{.pipeline_slug}}",
        &[],
    )
}
