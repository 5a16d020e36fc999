//! `signhere trust add-instance`: an instance of your own, by the fingerprint of its root.

use clap::Args;
use serde::Serialize;
use url::Url;

use super::update::line;
use crate::commands::{Context, block_on};
use crate::error::CliError;
use crate::login::http_client;
use crate::output::style::{GOOD, paint};
use crate::trust::{Addition, add};

/// Trust an instance from now on, by the SHA-256 of its first TUF root
///
/// The root is fetched and compared with the fingerprint before anything of it is read. Have the fingerprint from who
/// runs the instance, by another way than from the instance itself.
#[derive(Args, Debug)]
pub(crate) struct AddInstanceArgs {
    /// The instance, or its TUF repository
    #[arg(value_name = "URL")]
    url: Url,
    /// The SHA-256 of its root.json, as `signhere serve init` printed it
    #[arg(long, value_name = "HEX")]
    fingerprint: String,
    /// What to call it [default: its host]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

pub(crate) fn run(context: &Context, args: &AddInstanceArgs) -> Result<(), CliError> {
    context.need_network("fetching the instance's root")?;
    let addition = Addition {
        url: &args.url,
        fingerprint: &args.fingerprint,
        name: args.name.as_deref(),
    };
    let http = http_client();
    let (followed, updated) = block_on(add(&addition, &http))?;
    if context.output.is_json() {
        return context.output.document(&Document {
            version: 1,
            name: &followed.name,
            url: followed.url.as_str(),
            fingerprint: followed.fingerprint(),
            root_version: updated.root,
        });
    }
    context.output.line(format_args!(
        "{}  {}",
        paint(GOOD, "ok"),
        line(&followed, &updated)
    ))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    version: u32,
    name: &'a str,
    url: &'a str,
    fingerprint: String,
    root_version: u64,
}
