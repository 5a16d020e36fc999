//! DER taken apart, changed in any place, and put together again with fitting lengths: also what is not DER any more.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what cannot be changed must fail the test"
)]

/// A tag with its content. Tags of one byte, lengths below 2^24.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tlv {
    /// The identifier octet.
    pub tag: u8,
    body: Body,
    /// Written in place of the length that fits.
    length: Option<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Body {
    Primitive(Vec<u8>),
    Constructed(Vec<Tlv>),
}

impl Tlv {
    /// A value with this content.
    pub fn new(tag: u8, content: impl Into<Vec<u8>>) -> Self {
        Self {
            tag,
            body: Body::Primitive(content.into()),
            length: None,
        }
    }

    /// A value of these values.
    pub fn of(tag: u8, children: Vec<Self>) -> Self {
        Self {
            tag,
            body: Body::Constructed(children),
            length: None,
        }
    }

    /// A SEQUENCE.
    pub fn sequence(children: Vec<Self>) -> Self {
        Self::of(0x30, children)
    }

    /// An OBJECT IDENTIFIER with these content octets.
    pub fn oid(content: &[u8]) -> Self {
        Self::new(6, content)
    }

    /// An OCTET STRING.
    pub fn octets(content: impl Into<Vec<u8>>) -> Self {
        Self::new(4, content)
    }

    /// The value in `der`, if it is one value and nothing more.
    pub fn parse(der: &[u8]) -> Option<Self> {
        match Self::read(der, 0)? {
            (value, []) => Some(value),
            _ => None,
        }
    }

    fn read(der: &[u8], depth: usize) -> Option<(Self, &[u8])> {
        let (&[tag, first], rest) = der.split_first_chunk::<2>()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (length, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                let length = length
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        let is_constructed = tag & 0x20 != 0 && depth < 32;
        let children = is_constructed
            .then(|| Self::read_all(content, depth + 1))
            .flatten();
        let body = match children {
            Some(children) => Body::Constructed(children),
            None => Body::Primitive(content.to_vec()),
        };
        let value = Self {
            tag,
            body,
            length: None,
        };
        Some((value, rest))
    }

    fn read_all(mut content: &[u8], depth: usize) -> Option<Vec<Self>> {
        let mut children = Vec::new();
        while !content.is_empty() {
            let (child, rest) = Self::read(content, depth)?;
            children.push(child);
            content = rest;
        }
        Some(children)
    }

    /// The encoding.
    pub fn to_der(&self) -> Vec<u8> {
        let content = self.content();
        let [_, high, middle, low] = u32::try_from(content.len())
            .expect("a short value")
            .to_be_bytes();
        let length = match (&self.length, high, middle, low) {
            (Some(length), ..) => length.clone(),
            (_, 0, 0, 0..=0x7f) => vec![low],
            (_, 0, 0, _) => vec![0x81, low],
            (_, 0, _, _) => vec![0x82, middle, low],
            _ => vec![0x83, high, middle, low],
        };
        [&[self.tag], length.as_slice(), &content].concat()
    }

    /// The content octets.
    pub fn content(&self) -> Vec<u8> {
        match &self.body {
            Body::Primitive(content) => content.clone(),
            Body::Constructed(children) => children.iter().flat_map(Self::to_der).collect(),
        }
    }

    /// Puts other content octets in place of those that are there.
    pub fn set_content(&mut self, content: impl Into<Vec<u8>>) {
        self.body = Body::Primitive(content.into());
    }

    /// Writes the length in these octets, whether they are right or not.
    pub fn set_length(&mut self, octets: &[u8]) {
        self.length = Some(octets.to_vec());
    }

    /// The child at that position.
    ///
    /// # Panics
    /// When there is none.
    pub fn child(&mut self, position: usize) -> &mut Self {
        let count = self.children().len();
        self.children()
            .get_mut(position)
            .unwrap_or_else(|| panic!("child {position} of {count}"))
    }

    /// The value at the end of that way down.
    ///
    /// # Panics
    /// As [`Self::child`].
    pub fn at(&mut self, way: &[usize]) -> &mut Self {
        way.iter()
            .fold(self, |value, position| value.child(*position))
    }

    /// The children. A primitive value gets those that its content holds, or none.
    pub fn children(&mut self) -> &mut Vec<Self> {
        if let Body::Primitive(content) = &self.body {
            self.body = Body::Constructed(Self::read_all(content, 0).unwrap_or_default());
        }
        match &mut self.body {
            Body::Constructed(children) => children,
            Body::Primitive(_) => unreachable!("made constructed above"),
        }
    }

    /// Changes the children, if there are any.
    pub fn children_mut(&mut self, change: impl FnOnce(&mut Vec<Self>)) {
        if let Body::Constructed(children) = &mut self.body {
            change(children);
        }
    }

    /// How many values there are, this one included.
    pub fn count(&self) -> usize {
        match &self.body {
            Body::Primitive(_) => 1,
            Body::Constructed(children) => 1 + children.iter().map(Self::count).sum::<usize>(),
        }
    }

    /// The value of that number, this one being 0, each before its children.
    ///
    /// # Panics
    /// When there are fewer.
    pub fn nth(&mut self, number: usize) -> &mut Self {
        if number == 0 {
            return self;
        }
        let Body::Constructed(children) = &mut self.body else {
            panic!("no value {number} here");
        };
        let mut left = number - 1;
        for child in children {
            let count = child.count();
            if left < count {
                return child.nth(left);
            }
            left -= count;
        }
        panic!("no value {number} here");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_apart_is_put_together_the_same() {
        let der = include_bytes!("../../../testdata/chains/ok.pem");
        let pem = str::from_utf8(der).unwrap();
        for certificate in signhere_pki::cert::Certificate::list_from_pem(pem).unwrap() {
            let mut tree = Tlv::parse(certificate.der()).unwrap();
            assert_eq!(tree.to_der(), certificate.der());
            let count = tree.count();
            assert!(count > 30);
            let first = tree.child(0).clone();
            assert_eq!(tree.nth(1), &first);
            tree.at(&[0, 1]).set_content([0; 300]);
            assert_ne!(tree.to_der(), certificate.der());
            assert_eq!(Tlv::parse(&tree.to_der()).unwrap().count(), count);
        }
    }
}
