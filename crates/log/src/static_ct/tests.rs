use super::*;

fn leaves() -> [TileLeaf; 2] {
    let certificate = TileLeaf {
        timestamp_ms: 0x0102_0304_0506_0708,
        entry: LogEntry::Certificate(b"cert".to_vec()),
        extensions: leaf_index_extension(9).unwrap(),
        chain: vec![[0xaa; 32], [0xbb; 32]],
    };
    let precertificate = TileLeaf {
        entry: LogEntry::Precertificate {
            issuer_key_hash: [0xcc; 32],
            tbs_certificate: b"tbs".to_vec(),
            pre_certificate: b"precert".to_vec(),
        },
        ..certificate.clone()
    };
    [certificate, precertificate]
}

/// The bytes, written out from the structures of C2SP static-ct-api.
#[test]
fn the_leaf_of_a_precertificate_byte_by_byte() {
    let [_, leaf] = leaves();
    let expected = [
        &[1, 2, 3, 4, 5, 6, 7, 8][..],
        &[0, 1],
        &[0xcc; 32],
        &[0, 0, 3],
        b"tbs",
        &[0, 8, 0, 0, 5, 0, 0, 0, 0, 9],
        &[0, 0, 7],
        b"precert",
        &[0, 64],
        &[0xaa; 32],
        &[0xbb; 32],
    ]
    .concat();
    assert_eq!(leaf.encode().unwrap(), expected);
    // Version, leaf type, and all up to the extensions.
    let merkle = [&[0, 0], &expected[..8 + 2 + 32 + 3 + 3 + 10]].concat();
    assert_eq!(leaf.hash().unwrap(), leaf_hash(&merkle));
}

#[test]
fn leaves_come_back_as_they_were_and_no_part_of_one_does() {
    let [one, two] = leaves();
    let first = one.encode().unwrap();
    let both = [first.clone(), two.encode().unwrap()].concat();
    let (read, rest) = TileLeaf::decode(&both).unwrap();
    assert_eq!(read, one);
    let (read, rest) = TileLeaf::decode(rest).unwrap();
    assert_eq!((read, rest), (two, &[][..]));
    for length in 0..first.len() {
        assert_eq!(
            TileLeaf::decode(&first[..length]),
            Err(TileError::MalformedLeaf)
        );
    }
}

#[test]
fn parts_that_are_empty_too_long_or_odd_are_refused() {
    let [mut leaf, _] = leaves();
    leaf.entry = LogEntry::Certificate(Vec::new());
    assert_eq!(leaf.encode(), Err(TileError::MalformedLeaf));
    leaf.entry = LogEntry::Certificate(vec![0; 1 << 24]);
    assert_eq!(
        leaf.encode(),
        Err(TileError::EntryTooLong { found: 1 << 24 })
    );
    leaf.entry = LogEntry::Certificate(vec![1]);
    leaf.extensions = vec![0; 1 << 16];
    assert_eq!(leaf.hash(), Err(TileError::EntryTooLong { found: 1 << 16 }));

    let odd_chain = [
        &[0; 8][..],
        &[0, 0],
        &[0, 0, 1, 7],
        &[0, 0],
        &[0, 31],
        &[0; 31],
    ]
    .concat();
    assert_eq!(TileLeaf::decode(&odd_chain), Err(TileError::MalformedLeaf));
    let other_type = [&[0; 8][..], &[0, 2], &[0, 0, 1, 7], &[0, 0], &[0, 0]].concat();
    assert_eq!(TileLeaf::decode(&other_type), Err(TileError::MalformedLeaf));
}

#[test]
fn the_index_in_the_extensions() {
    for index in [0, 255, 256, MAX_SIZE - 1] {
        assert_eq!(
            leaf_index(&leaf_index_extension(index).unwrap()),
            Ok(Some(index))
        );
    }
    assert_eq!(leaf_index_extension(MAX_SIZE), None);
    let index = leaf_index_extension(5).unwrap();
    let unknown = [9, 0, 2, 1, 1];
    assert_eq!(leaf_index(&[]), Ok(None));
    assert_eq!(leaf_index(&unknown), Ok(None));
    assert_eq!(leaf_index(&[&unknown[..], &index].concat()), Ok(Some(5)));
    let malformed = Err(TileError::MalformedLeaf);
    assert_eq!(leaf_index(&[&index[..], &index].concat()), malformed);
    assert_eq!(leaf_index(&index[..7]), malformed);
    assert_eq!(leaf_index(&[0, 0, 4, 1, 1, 1, 1]), malformed);
    assert_eq!(leaf_index(&[0]), malformed);
}
