"""Notes from MIDI and MusicXML."""
