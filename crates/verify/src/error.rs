//! Why a verification fails, as facts with stable codes.

mod reason;

pub use reason::Reason;
