//! connect-stripe
