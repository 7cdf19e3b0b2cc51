//! `/api/v1`: balances in, payments out, by API key.
