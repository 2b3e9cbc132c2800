"""What an archive keeps and checks for years: files read again, bags, METS."""
