//! Carry-over: which signed commits a commit came from that a squash or a rebase has made without signatures.
//!
//! Whoever merges says so in a statement about the merged commit, which holds the signed commits themselves: they are
//! small, and nobody may keep the branch that they were on. What the merging party is believed for is only that the
//! merged commit holds their changes and no others, and for equal trees not even that.

mod follow;
mod patch;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use signhere_verify::bundle::{Bundle, BundleError};

use crate::object::{Object, ObjectError, ObjectId, ObjectKind};
use crate::proof::{Prove, Proven};
use crate::statement::{NotAttested, attested_as, statement};

pub use follow::{Followed, follow};
pub use patch::{Found, PatchError, find, patch_digest};

/// The type of the statement.
pub const CARRY_OVER: &str = "https://signhere.dev/git/carry-over/v1";
/// The most commits that one merged commit may come from.
pub const MAX_SOURCES: usize = 256;
/// The most bytes that these commits and their bundles may have.
pub const MAX_SOURCE_BYTES: usize = 2 << 20;
/// The most bundles of one source.
const MAX_BUNDLES: usize = 4;

/// What makes the merged commit the same as the signed ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// The last of them has the same tree.
    Tree,
    /// Its changes are theirs, taken together.
    Patch,
}

/// The signed commits that a merged commit came from, by the word of the party that merged.
#[derive(Clone, Debug)]
pub struct Carried {
    /// What the word is about.
    pub method: Method,
    /// The commits, the last one first. Their signatures are yet to be verified.
    pub sources: Vec<Source>,
    /// Whose word it is, and what of that was proven.
    pub proven: Proven,
}

/// A commit that another came from.
#[derive(Clone, Debug)]
pub struct Source {
    /// The commit.
    pub object: Object,
    /// Bundles that were noted beside it and prove its signature logged.
    pub bundles: Vec<Bundle>,
}

/// Why a statement says nothing of use about where a commit came from.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum CarryError {
    /// It is no such statement, or does not hold.
    #[error(transparent)]
    NotAttested(#[from] NotAttested),
    /// It names too many commits, or none.
    #[error("it names {found} commits, and may name one to {MAX_SOURCES}")]
    Count {
        /// How many.
        found: usize,
    },
    /// The commits in it are larger than is read.
    #[error("the commits in it have more than {MAX_SOURCE_BYTES} bytes")]
    TooLarge,
    /// A commit in it is not what it is called.
    #[error("what it calls {expected} is {found}")]
    WrongId {
        /// What it is called.
        expected: String,
        /// What it is.
        found: ObjectId,
    },
    /// A commit in it cannot be read.
    #[error("a commit in it: {0}")]
    Object(#[from] ObjectError),
    /// A commit in it is not base64.
    #[error("a commit in it is not base64")]
    Base64,
    /// A bundle in it cannot be read.
    #[error("a bundle in it: {0}")]
    Bundle(#[from] BundleError),
    /// It says that the trees are equal, and they are not.
    #[error(
        "it says that the trees are equal, and the merged commit has {merged} where the signed one has {source_tree}"
    )]
    Tree {
        /// The merged commit's tree.
        merged: ObjectId,
        /// The last signed commit's tree.
        source_tree: ObjectId,
    },
    /// A commit in it is the merged commit itself.
    #[error("it says that the commit came from itself")]
    Itself,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    method: Method,
    sources: Vec<RawSource>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct RawSource {
    /// As a check, and for people who read it.
    id: String,
    /// The commit's bytes, base64.
    commit: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    bundles: Vec<Box<RawValue>>,
}

/// The statement, to be signed by whoever merged, that `merged` came from `sources`, the last one first.
///
/// # Errors
/// [`CarryError::Count`], [`CarryError::TooLarge`], [`CarryError::Itself`] and [`CarryError::Tree`]: nobody would
/// believe it.
pub fn carry_over(
    merged: &Object,
    method: Method,
    sources: &[Source],
) -> Result<Vec<u8>, CarryError> {
    check(merged, method, sources)?;
    let mut raw = Vec::with_capacity(sources.len());
    let mut size = 0_usize;
    for source in sources {
        let bundles = source.bundles.iter().take(MAX_BUNDLES);
        let bundles: Vec<Box<RawValue>> = bundles
            .filter_map(|bundle| String::from_utf8(bundle.to_json()).ok())
            .filter_map(|json| RawValue::from_string(json).ok())
            .collect();
        let commit = BASE64_STANDARD.encode(source.object.bytes());
        let texts = bundles.iter().map(|bundle| bundle.get().len());
        size = texts.fold(size.saturating_add(commit.len()), usize::saturating_add);
        raw.push(RawSource {
            id: source.object.id().to_string(),
            commit,
            bundles,
        });
    }
    if size > MAX_SOURCE_BYTES {
        return Err(CarryError::TooLarge);
    }
    let predicate = Predicate {
        method,
        sources: raw,
    };
    let predicate = serde_json::to_value(&predicate).unwrap_or(Value::Null);
    let object = (ObjectKind::Commit, &merged.id());
    Ok(statement(object, Map::new(), CARRY_OVER, &predicate))
}

/// Where `merged` came from, by each of `bundles` that says so and holds. The rest is left out.
pub fn carried(prover: &dyn Prove, merged: &Object, bundles: &[Bundle]) -> Vec<Carried> {
    let read = |bundle| carried_in(prover, merged, bundle).ok();
    bundles.iter().filter_map(read).collect()
}

/// Reads one bundle as a statement of where `merged` came from.
///
/// # Errors
/// [`CarryError`] when it is none, or contradicts itself.
pub fn carried_in(
    prover: &dyn Prove,
    merged: &Object,
    bundle: &Bundle,
) -> Result<Carried, CarryError> {
    let object = (ObjectKind::Commit, &merged.id());
    let (predicate, attested) = attested_as::<Predicate>(prover, object, bundle, CARRY_OVER)?;
    let found = predicate.sources.len();
    if !(1..=MAX_SOURCES).contains(&found) {
        return Err(CarryError::Count { found });
    }
    let texts = predicate.sources.iter().map(RawSource::len);
    if texts.fold(0, usize::saturating_add) > MAX_SOURCE_BYTES {
        return Err(CarryError::TooLarge);
    }
    let sources = predicate.sources.iter().map(RawSource::read);
    let sources: Vec<Source> = sources.collect::<Result<_, _>>()?;
    check(merged, predicate.method, &sources)?;
    Ok(Carried {
        method: predicate.method,
        sources,
        proven: attested.proven,
    })
}

/// What can be told from the commits alone.
fn check(merged: &Object, method: Method, sources: &[Source]) -> Result<(), CarryError> {
    let [last, ..] = sources else {
        return Err(CarryError::Count { found: 0 });
    };
    if sources.len() > MAX_SOURCES {
        let found = sources.len();
        return Err(CarryError::Count { found });
    }
    let id = merged.id();
    if sources.iter().any(|source| source.object.id() == id) {
        return Err(CarryError::Itself);
    }
    if method == Method::Tree
        && let (Some(merged), Some(source)) = (merged.tree(), last.object.tree())
        && merged != source
    {
        return Err(CarryError::Tree {
            merged: *merged,
            source_tree: *source,
        });
    }
    Ok(())
}

impl RawSource {
    fn len(&self) -> usize {
        let bundles = self.bundles.iter().take(MAX_BUNDLES);
        let bundles = bundles.map(|bundle| bundle.get().len());
        bundles.fold(self.commit.len(), usize::saturating_add)
    }

    fn read(&self) -> Result<Source, CarryError> {
        let bytes = BASE64_STANDARD.decode(&self.commit);
        let bytes = bytes.map_err(|_| CarryError::Base64)?;
        let object = Object::parse(ObjectKind::Commit, bytes)?;
        let found = object.id();
        if found.to_string() != self.id {
            let expected = self.id.chars().take(64).collect();
            return Err(CarryError::WrongId { expected, found });
        }
        let bundles = self.bundles.iter().take(MAX_BUNDLES);
        let bundles = bundles.map(|bundle| Bundle::parse(bundle.get().as_bytes()));
        Ok(Source {
            object,
            bundles: bundles.collect::<Result<_, _>>()?,
        })
    }
}
