"""What can happen in selling, and when: pure decisions and folds, without clock, input, output or chance."""
