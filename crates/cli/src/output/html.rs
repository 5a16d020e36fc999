//! One HTML file: nothing in it is loaded from elsewhere or run.

use askama::Template;
use base64::prelude::{BASE64_STANDARD, Engine as _};
use signhere_pki::digest::sha256;

use super::explain::{Explained, Node};
use super::text::safe;
use crate::error::CliError;

const STYLE: &str = include_str!("../../templates/report.css");

/// The page on `results`.
pub(crate) fn page(results: &[Explained]) -> Result<String, CliError> {
    let page = Page {
        results: results.iter().map(Section::of).collect(),
        verified: results.iter().filter(|one| one.verified).count(),
        count: results.len(),
        style: STYLE,
        style_hash: BASE64_STANDARD.encode(sha256(STYLE.as_bytes())),
    };
    page.render().map_err(|error| CliError::internal(&error))
}

/// askama escapes what is put into it; what would reorder text or hide in it
/// is made visible before.
#[derive(Template)]
#[template(path = "report.html")]
struct Page {
    results: Vec<Section>,
    verified: usize,
    count: usize,
    style: &'static str,
    style_hash: String,
}

struct Section {
    subject: String,
    bundle: Option<String>,
    verified: bool,
    code: &'static str,
    message: String,
    nodes: Vec<Branch>,
}

#[derive(Template)]
#[template(path = "report_node.html")]
struct Branch {
    state: &'static str,
    word: &'static str,
    label: &'static str,
    text: String,
    facts: Vec<(&'static str, String)>,
    children: Vec<Self>,
}

impl Section {
    fn of(one: &Explained) -> Self {
        let error = one.error.as_ref();
        Self {
            subject: safe(&one.subject).into_owned(),
            bundle: one.bundle.as_deref().map(|path| safe(path).into_owned()),
            verified: one.verified,
            code: error.map_or("", |error| error.code),
            message: error.map_or_else(String::new, |error| safe(&error.message).into_owned()),
            nodes: one.nodes.iter().map(Branch::of).collect(),
        }
    }
}

impl Branch {
    fn of(node: &Node) -> Self {
        Self {
            state: node.state.class(),
            word: node.state.word(),
            label: node.label,
            text: safe(&node.text).into_owned(),
            facts: node
                .facts
                .iter()
                .map(|fact| (fact.name, safe(&fact.value).into_owned()))
                .collect(),
            children: node.children.iter().map(Self::of).collect(),
        }
    }
}
