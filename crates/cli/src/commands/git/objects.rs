//! `signhere git objects`: what is known of raw objects, one line of JSON each. Plumbing, and hidden.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_git::object::{MAX_OBJECT_LEN, Object};

use crate::commands::Context;
use crate::error::CliError;
use crate::files;

/// Print what is known of raw commit and tag objects
#[derive(Args, Debug)]
pub(crate) struct ObjectsArgs {
    /// Files, each a commit or a tag as git keeps it, uncompressed
    #[arg(value_name = "OBJECT", required = true, value_hint = ValueHint::FilePath)]
    objects: Vec<PathBuf>,
}

/// One line.
#[derive(Debug, Serialize)]
struct Line {
    oid: Option<String>,
    #[serde(rename = "type")]
    kind: Option<&'static str>,
    payload_ends_with_newline: Option<bool>,
    payload_has_cr: Option<bool>,
    error: Option<String>,
}

pub(crate) fn run(context: &Context, args: &ObjectsArgs) -> Result<(), CliError> {
    for path in &args.objects {
        for line in lines(path) {
            let line = serde_json::to_string(&line).map_err(|error| CliError::internal(&error))?;
            context.output.line(&line)?;
        }
    }
    Ok(())
}

fn lines(path: &Path) -> Vec<Line> {
    let limit = u64::try_from(MAX_OBJECT_LEN)
        .unwrap_or(u64::MAX)
        .saturating_add(64);
    let object = files::read(path, limit)
        .map_err(|error| error.message().to_owned())
        .and_then(|bytes| Object::parse_any(&bytes).map_err(|error| error.to_string()));
    match object {
        Ok(object) => {
            let payload = object.payload();
            vec![Line {
                oid: Some(object.id().to_string()),
                kind: Some(object.kind().name()),
                payload_ends_with_newline: Some(payload.ends_with(b"\n")),
                payload_has_cr: Some(payload.contains(&b'\r')),
                error: None,
            }]
        }
        Err(error) => vec![Line {
            oid: None,
            kind: None,
            payload_ends_with_newline: None,
            payload_has_cr: None,
            error: Some(error),
        }],
    }
}
