//! `signhere`: where do I sign?

fn main() {}
