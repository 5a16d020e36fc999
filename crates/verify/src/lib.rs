//! Sigstore bundles and trusted roots in, verdicts with evidence out: pure, what others embed.
