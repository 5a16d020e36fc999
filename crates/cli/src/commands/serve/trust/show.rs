//! `signhere serve trust show`: what clients are given, verified as they verify it.

use std::path::{Path, PathBuf};

use clap::{Args, ValueHint};
use serde::Serialize;
use signhere_http::{Destination, HttpClient, HttpRequest};
use signhere_pki::digest::sha256;
use signhere_pki::time::{Clock as _, Time};
use signhere_serve::tuf::{RootAdmin, View};
use signhere_verify::tuf::TopRole;
use url::Url;

use super::{DAY, LIMIT, shown};
use crate::clock::SystemClock;
use crate::commands::{Context, block_on};
use crate::error::CliError;
use crate::exit::Exit;
use crate::files;
use crate::login::http_client;
use crate::output::style::{BAD, BOLD, DIM, paint};
use crate::output::text::{bytes, safe};

/// Days before a root expires from which on it is said to be due.
const DUE: i64 = 60;

/// Show what clients are given: keys, versions, expiry
///
/// Everything is verified from the first root on, as a client does.
#[derive(Args, Debug)]
pub(super) struct ShowArgs {
    /// The folder of an instance, or the URL of an instance or of any TUF repository
    #[arg(value_name = "DIR|URL", value_hint = ValueHint::AnyPath)]
    of: String,
    /// The root that is pinned [default: the first one of the repository, unverified when it comes from a URL]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    root: Option<PathBuf>,
}

pub(super) fn run(context: &Context, args: &ShowArgs) -> Result<(), CliError> {
    let pinned = match &args.root {
        Some(path) => Some(files::read(path, LIMIT)?),
        None => None,
    };
    let is_url = args.of.starts_with("http://") || args.of.starts_with("https://");
    let (view, root_key_here) = if is_url {
        context.need_network("reading the repository")?;
        let url = Url::parse(&args.of)
            .map_err(|error| CliError::usage(format!("{}: {error}", args.of)))?;
        (fetch(&url, pinned.as_deref())?, None)
    } else {
        let admin = RootAdmin::new(Path::new(&args.of));
        let view = admin.view_from(pinned.as_deref())?;
        (view, Some(admin.has_root_key()))
    };
    let now = SystemClock.now();
    if context.output.is_json() {
        return context.output.document(&document(&view, root_key_here));
    }

    let output = context.output;
    for (role, expires) in view.expiries() {
        let left = expires.unix().saturating_sub(now.unix()) / DAY;
        let left = match expires <= now {
            true => paint(BAD, "expired"),
            false if role == TopRole::Root && left < DUE => paint(BAD, format!("{left} days left")),
            false => format!("{left} days left"),
        };
        output.line(format_args!(
            "{:9}  version {:<5} expires {expires}  {left}",
            paint(BOLD, format!("{:9}", role.name())),
            version(&view, role),
        ))?;
    }
    let root = view.roots.current().signed();
    let keys = root.role(TopRole::Root);
    let place = match root_key_here {
        Some(true) => "; the root key is on this machine",
        Some(false) => "; the root key is not on this machine",
        None => "",
    };
    output.line(format_args!(
        "\n{}  {} of {} must sign{place}",
        paint(DIM, "root keys"),
        keys.threshold(),
        keys.key_ids().len(),
    ))?;
    for id in keys.key_ids() {
        let scheme = root.keys.key(id).map_or("", |key| key.scheme());
        output.line(format_args!(
            "           {}  {}",
            safe(id.as_str()),
            safe(scheme)
        ))?;
    }
    for (name, file) in &view.targets.signed().targets {
        let size = bytes(file.length);
        output.line(format_args!(
            "{}       {}  {size}",
            paint(DIM, "file"),
            safe(name)
        ))?;
    }
    let first = view.roots.first();
    output.line(format_args!(
        "{}        root {}, sha256:{}",
        paint(DIM, "pin"),
        first.version(),
        hex(first.bytes()),
    ))?;
    if is_url && args.root.is_none() {
        output.note("the first root was not verified by anything: compare its SHA-256, or name it with --root");
    }
    let (_, root_expires) = view.expiries()[0];
    if !is_url && root_expires.unix().saturating_sub(now.unix()) < DUE * DAY {
        let dir = shown(Path::new(&args.of));
        output.note(format_args!(
            "renew the root: signhere serve trust rotate-root {dir}"
        ));
    }
    Ok(())
}

/// The repository at `url`, or where an instance has it.
fn fetch(url: &Url, pinned: Option<&[u8]>) -> Result<View, CliError> {
    let http = http_client();
    let base = url.as_str().trim_end_matches('/').to_owned();
    let mut prefix = None;
    let mut read = |name: &str, limit: usize| -> Result<Option<Vec<u8>>, CliError> {
        if let Some(prefix) = &prefix {
            return get(&http, &format!("{prefix}/{name}"), limit);
        }
        for place in [base.clone(), format!("{base}/tuf")] {
            let found = get(&http, &format!("{place}/{name}"), limit)?;
            if found.is_some() {
                prefix = Some(place);
                return Ok(found);
            }
        }
        Ok(None)
    };
    // So that the place is known before a root is looked for that need not be there.
    read("timestamp.json", LIMIT_OF_ANY)?;
    View::read(pinned, &mut read)
}

fn get(http: &HttpClient, url: &str, limit: usize) -> Result<Option<Vec<u8>>, CliError> {
    let url = Url::parse(url).map_err(|error| CliError::internal(&error))?;
    let request = HttpRequest::get(url.clone(), Destination::Configured).body_cap(limit);
    let answer = block_on(async {
        http.send(&request)
            .await
            .map_err(|error| down(&url, &error))
    })?;
    match answer.status {
        403 | 404 => Ok(None),
        _ if answer.is_success() => Ok(Some(answer.body)),
        status => Err(down(&url, &format!("HTTP status {status}"))),
    }
}

fn down(url: &Url, reason: &dyn std::fmt::Display) -> CliError {
    CliError::new(Exit::Retry, "SH-SERVICE-DOWN", format!("{url}: {reason}"))
}

const LIMIT_OF_ANY: usize = 4 << 20;

fn version(view: &View, role: TopRole) -> u64 {
    match role {
        TopRole::Root => view.roots.current().version(),
        TopRole::Timestamp => view.timestamp.version(),
        TopRole::Snapshot => view.snapshot.version(),
        TopRole::Targets => view.targets.version(),
    }
}

fn hex(bytes: &[u8]) -> String {
    sha256(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

fn document(view: &View, root_key_here: Option<bool>) -> Document {
    let root = view.roots.current().signed();
    let roles = view.expiries().into_iter().map(|(role, expires)| {
        let keys = root.role(role);
        RoleDocument {
            name: role.name(),
            version: version(view, role),
            expires,
            threshold: keys.threshold(),
            keys: keys
                .key_ids()
                .iter()
                .map(|id| KeyDocument {
                    id: id.as_str().to_owned(),
                    scheme: root.keys.key(id).map(|key| key.scheme().to_owned()),
                })
                .collect(),
        }
    });
    let targets = &view.targets.signed().targets;
    Document {
        version: 1,
        pinned_root_version: view.roots.first().version(),
        pinned_root_sha256: hex(view.roots.first().bytes()),
        root_key_here,
        roles: roles.collect(),
        targets: targets
            .iter()
            .map(|(name, file)| TargetDocument {
                name: name.clone(),
                length: file.length,
                hashes: file.hashes.iter().map(ToString::to_string).collect(),
            })
            .collect(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    version: u32,
    pinned_root_version: u64,
    pinned_root_sha256: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    root_key_here: Option<bool>,
    roles: Vec<RoleDocument>,
    targets: Vec<TargetDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RoleDocument {
    name: &'static str,
    version: u64,
    expires: Time,
    threshold: u32,
    keys: Vec<KeyDocument>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct KeyDocument {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetDocument {
    name: String,
    length: u64,
    hashes: Vec<String>,
}
