//! Where a note is in the tree of its ref: the object's id in hexadecimal, cut by slashes after every second digit as
//! often as the number of notes asks for (git-notes(1)). Readers take any cut.

use std::collections::BTreeMap;

use crate::object::{ObjectFormat, ObjectId};

/// The deepest cut that is looked for.
const MAX_CUTS: usize = 19;
/// How many notes fit below one more cut.
const FAN: usize = 256;

/// The notes of a notes tree, by their paths. What else is in it is left out, and not written again: no reader uses it,
/// and there are trees that git would not write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    blobs: BTreeMap<Vec<u8>, ObjectId>,
}

impl Listing {
    /// Reads what `git ls-tree -r -z` prints; `None` where that is not understood.
    pub(super) fn parse(output: &[u8], format: ObjectFormat) -> Option<Self> {
        let mut blobs = BTreeMap::new();
        for line in output
            .split(|byte| *byte == 0)
            .filter(|line| !line.is_empty())
        {
            let tab = line.iter().position(|byte| *byte == b'\t')?;
            let (facts, path) = line.split_at_checked(tab)?;
            let mut facts = std::str::from_utf8(facts).ok()?.split(' ');
            let (mode, _kind, id) = (facts.next()?, facts.next()?, facts.next()?);
            let (path, id) = (path.get(1..)?, id.parse().ok()?);
            if mode.starts_with("100") && noted(path, format).is_some() {
                blobs.insert(path.to_vec(), id);
            }
        }
        Some(Self { blobs })
    }

    /// Each noted object with a blob of its note; an object that is noted at two paths comes twice.
    pub(super) fn notes(&self, format: ObjectFormat) -> impl Iterator<Item = (ObjectId, ObjectId)> {
        let notes = self.blobs.iter();
        notes.filter_map(move |(path, blob)| Some((noted(path, format)?, *blob)))
    }

    /// Puts the note of an object where it belongs, and takes it from wherever else it is.
    pub(super) fn put(&mut self, object: &ObjectId, blob: ObjectId) {
        for cuts in 0..=MAX_CUTS {
            self.blobs.remove(path(object, cuts).as_bytes());
        }
        let cuts = cuts(self.blobs.len());
        self.blobs.insert(path(object, cuts).into_bytes(), blob);
    }

    /// What `git update-index -z --index-info` reads.
    pub(super) fn to_index_info(&self) -> Vec<u8> {
        let mut info = Vec::new();
        for (path, id) in &self.blobs {
            info.extend_from_slice(format!("100644 {id}\t").as_bytes());
            info.extend_from_slice(path);
            info.push(0);
        }
        info
    }
}

/// How often paths are cut when there are so many notes.
fn cuts(notes: usize) -> usize {
    let mut cuts = 0;
    let mut capacity = FAN;
    while notes >= capacity && cuts < MAX_CUTS {
        cuts += 1;
        capacity = capacity.saturating_mul(FAN);
    }
    cuts
}

fn path(object: &ObjectId, cuts: usize) -> String {
    let mut path = String::new();
    for (position, digit) in object.to_string().chars().enumerate() {
        if position > 0 && position % 2 == 0 && position / 2 <= cuts {
            path.push('/');
        }
        path.push(digit);
    }
    path
}

/// The object that a path is about, if any.
fn noted(path: &[u8], format: ObjectFormat) -> Option<ObjectId> {
    let mut parts = path.split(|byte| *byte == b'/').rev();
    let last = parts.next()?;
    let mut digits: Vec<&[u8]> = vec![last];
    for part in parts {
        if part.len() != 2 || digits.len() > MAX_CUTS {
            return None;
        }
        digits.push(part);
    }
    digits.reverse();
    let id: ObjectId = String::from_utf8(digits.concat()).ok()?.parse().ok()?;
    (id.format() == format).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn id() -> ObjectId {
        ID.parse().unwrap()
    }

    #[test]
    fn paths_are_cut_as_the_number_of_notes_asks() {
        assert_eq!([0, 255, 256, 65_535, 65_536].map(cuts), [0, 0, 1, 1, 2]);
        let paths = [0, 1, 2].map(|cuts| path(&id(), cuts));
        let expected = [
            ID,
            &format!("01/{}", &ID[2..]),
            &format!("01/23/{}", &ID[4..]),
        ];
        assert_eq!(paths, expected);
        for path in paths {
            assert_eq!(noted(path.as_bytes(), ObjectFormat::Sha1), Some(id()));
            assert_eq!(noted(path.as_bytes(), ObjectFormat::Sha256), None);
        }
    }

    #[test]
    fn other_paths_are_about_nothing() {
        let paths = [
            "README",
            "0123/456789abcdef0123456789abcdef01234567",
            "01/23456789ABCDEF0123456789ABCDEF01234567",
            "/0123456789abcdef0123456789abcdef01234567",
            "01/",
        ];
        for path in paths {
            assert_eq!(noted(path.as_bytes(), ObjectFormat::Sha1), None, "{path}");
        }
    }

    #[test]
    fn a_note_has_one_place_and_nothing_else_is_kept() {
        let blob: ObjectId = "1".repeat(40).parse().unwrap();
        let other: ObjectId = "2".repeat(40).parse().unwrap();
        let rest = &ID[2..];
        let listed = format!(
            "100644 blob {blob}\t01/{rest}\0160000 commit {blob}\t01/23/{}\0100644 blob {other}\t{ID}\0100644 blob {blob}\t.git/{rest}\0",
            &ID[4..]
        );
        let parse = |text: &str| Listing::parse(text.as_bytes(), ObjectFormat::Sha1);
        let mut listing = parse(&listed).unwrap();
        let notes: Vec<_> = listing.notes(ObjectFormat::Sha1).collect();
        assert_eq!(notes, [(id(), blob), (id(), other)]);

        listing.put(&id(), other);
        let expected = format!("100644 {other}\t{ID}\0");
        assert_eq!(
            String::from_utf8(listing.to_index_info()).unwrap(),
            expected
        );
        for bad in ["100644 blob\tx\0", "100644 blob xyz\tx\0", "x\0"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }
}
