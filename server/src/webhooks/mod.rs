//! What vendors send us: verified, made durable, answered; processed afterwards.
